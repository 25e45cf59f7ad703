{{ config(meta={'card': {
    'title': 'Mean charging reward',
    'definition': 'Rewards of the credited charging sessions of the period / these sessions; null without any.',
    'unit': 'cents',
    'good': 'neutral',
    'owner': 'Energy',
}}) }}

with

charging_mean_reward as (
    select
        period,
        period_start,
        segment,
        segment_value,
        mean_reward_cents as metric_value,
        is_complete
    from {{ ref('fct_charging_funnel') }}
)

select * from charging_mean_reward
