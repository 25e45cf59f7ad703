{{ config(meta={'card': {
    'title': 'Paying customers',
    'definition': 'Distinct persons with a completed payment of more than nothing in the period.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

paying_customers as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(paying_customers as double) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from paying_customers
