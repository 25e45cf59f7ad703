{{ config(meta={'card': {
    'title': 'Power users',
    'definition':
        'Persons active on at least 15 of the last 30 days (settings segment_power_days, segment_power_window_days) at '
        'the end of the month.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

power_persons as (
    select
        'month' as period,
        cast(date_trunc('month', audience_date) as date) as period_start,
        segment,
        segment_value,
        cast(persons as double) as metric_value,
        is_complete
    from {{ ref('fct_audience') }}
    where person_segment = 'POWER'
)

select * from power_persons
