{{ config(meta={'card': {
    'title': 'Trial conversion rate',
    'definition':
        'Trials that became paid in the month / trials that began in it; null without any. Above 1 where most began the '
        'month before.',
    'unit': 'ratio',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

trial_conversion_rate as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        trials_converted / nullif(trials_started, 0) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from trial_conversion_rate
