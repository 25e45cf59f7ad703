{{ config(meta={'card': {
    'title': 'Content views',
    'definition': 'Events content_viewed that name an item.',
    'unit': 'views',
    'good': 'up',
    'owner': 'Content',
}}) }}

with

content_views as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(views as double) as metric_value,
        is_complete
    from {{ ref('fct_content_overview') }}
)

select * from content_views
