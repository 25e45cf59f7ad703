{{ config(meta={'card': {
    'title': 'Content revenue',
    'definition':
        'Completed payments that name an item of content or a creator, minus refunds, each on its own day, in cents of '
        'the reporting currency.',
    'unit': 'cents',
    'good': 'up',
    'owner': 'Content',
}}) }}

with

content_revenue as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(revenue_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_content_overview') }}
)

select * from content_revenue
