{{ config(meta={'card': {
    'title': 'Revenue',
    'definition': 'Completed payments minus refunds, each on its own day, in cents of the reporting currency.',
    'unit': 'cents',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

revenue as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(revenue_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from revenue
