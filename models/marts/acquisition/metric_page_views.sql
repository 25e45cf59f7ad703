{{ config(meta={'card': {
    'title': 'Page views',
    'definition': 'Views of pages and screens in the period, those of nobody too.',
    'unit': 'views',
    'good': 'up',
    'owner': 'Marketing',
}}) }}

with

page_views as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(views as double) as metric_value,
        is_complete
    from {{ ref('fct_web_overview') }}
)

select * from page_views
