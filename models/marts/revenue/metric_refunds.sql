{{ config(meta={'card': {
    'title': 'Refunds',
    'definition': 'What was given back, on the day of the refund, in cents of the reporting currency.',
    'unit': 'cents',
    'good': 'down',
    'owner': 'Finance',
}}) }}

with

refunds as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(refunded_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from refunds
