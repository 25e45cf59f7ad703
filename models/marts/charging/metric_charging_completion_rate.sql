{{ config(meta={'card': {
    'title': 'Charging completion rate',
    'definition':
        'Charging sessions of the period that were stopped / those started in it; null without any. Complete when the setting '
        'charging_settle_days (3) is over, within which stops and credits are awaited.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Energy',
}}) }}

with

charging_completion_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        completion_rate as metric_value,
        is_complete
    from {{ ref('fct_charging_funnel') }}
)

select * from charging_completion_rate
