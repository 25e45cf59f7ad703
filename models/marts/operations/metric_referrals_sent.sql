{{ config(meta={'card': {
    'title': 'Referrals sent',
    'definition': 'Referrals that persons sent in the period.',
    'unit': 'referrals',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

referrals_sent as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(referrals_sent as double) as metric_value,
        is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from referrals_sent
