{{ config(meta={'card': {
    'title': 'Referral acceptance rate',
    'definition':
        'Referrals accepted / referrals sent in the period; null where none was sent. Above 1 where most were sent '
        'before it.',
    'unit': 'ratio',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

referral_acceptance_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        referrals_accepted / nullif(referrals_sent, 0) as metric_value,
        is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from referral_acceptance_rate
