{{ config(meta={'card': {
    'title': 'Refund rate',
    'definition':
        'Refunds of the period / completed payments of the period, in money; null without a payment. Above 1 where more '
        'comes back than in.',
    'unit': 'ratio',
    'good': 'down',
    'owner': 'Finance',
}}) }}

with

refund_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        refunded_cents / nullif(paid_cents, 0) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from refund_rate
