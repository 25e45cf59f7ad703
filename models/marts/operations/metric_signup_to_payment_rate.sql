{{ config(meta={'card': {
    'title': 'Signup-to-payment conversion',
    'definition':
        'Of the persons whose first registration falls into the period, the share that paid within 30 days (setting '
        'signup_payment_days) of it; null where nobody registered. Complete when the last of these days is over.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

signup_to_payment_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        signup_to_payment_rate as metric_value,
        is_conversion_complete as is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from signup_to_payment_rate
