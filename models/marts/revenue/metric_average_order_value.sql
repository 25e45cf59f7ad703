{{ config(meta={'card': {
    'title': 'Average order value (AOV)',
    'definition': 'Completed payments, before refunds, / orders of the period; null without an order.',
    'unit': 'cents an order',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

average_order_value as (
    select
        period,
        period_start,
        segment,
        segment_value,
        paid_cents / nullif(orders, 0) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from average_order_value
