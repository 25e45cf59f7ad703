{{ config(meta={'card': {
    'title': 'Churned persons',
    'definition': 'Persons not active for more than 30 days (setting segment_at_risk_days) at the end of the month.',
    'unit': 'persons',
    'good': 'down',
    'owner': 'Growth',
}}) }}

with

churned_persons as (
    select
        'month' as period,
        cast(date_trunc('month', audience_date) as date) as period_start,
        segment,
        segment_value,
        cast(persons as double) as metric_value,
        is_complete
    from {{ ref('fct_audience') }}
    where person_segment = 'CHURNED'
)

select * from churned_persons
