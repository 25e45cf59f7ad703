{{ config(meta={'card': {
    'title': 'Orders',
    'definition': 'Distinct orders with a completed payment in the period; a payment that names no order is one.',
    'unit': 'orders',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

orders as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(orders as double) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from orders
