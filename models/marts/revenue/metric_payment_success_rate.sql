{{ config(meta={'card': {
    'title': 'Payment success rate',
    'definition': 'Payments completed / payments completed or failed, by the day of what decided it; null without either.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

payment_success_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        successful_payments / nullif(successful_payments + failed_payments, 0) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from payment_success_rate
