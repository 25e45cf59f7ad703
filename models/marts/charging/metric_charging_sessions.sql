{{ config(meta={'card': {
    'title': 'Charging sessions',
    'definition': 'Charging sessions started in the period.',
    'unit': 'sessions',
    'good': 'up',
    'owner': 'Energy',
}}) }}

with

charging_sessions as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(started_sessions as double) as metric_value,
        is_complete
    from {{ ref('fct_charging_funnel') }}
)

select * from charging_sessions
