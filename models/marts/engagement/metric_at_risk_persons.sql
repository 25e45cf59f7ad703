{{ config(meta={'card': {
    'title': 'Persons at risk',
    'definition':
        'Persons last active 15 to 30 days (settings segment_active_days, segment_at_risk_days) before the end of the '
        'month.',
    'unit': 'persons',
    'good': 'down',
    'owner': 'Growth',
}}) }}

with

at_risk_persons as (
    select
        'month' as period,
        cast(date_trunc('month', audience_date) as date) as period_start,
        segment,
        segment_value,
        cast(persons as double) as metric_value,
        is_complete
    from {{ ref('fct_audience') }}
    where person_segment = 'AT_RISK'
)

select * from at_risk_persons
