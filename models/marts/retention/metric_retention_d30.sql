{{ config(meta={'card': {
    'title': 'D30 retention',
    'definition':
        'Of the persons whose first activity falls into the day, the share that was active 30 days after it; exact, '
        'first-time, calendar days.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

retention_d30 as (
    select
        period,
        cohort_start as period_start,
        'all' as segment,
        'all' as segment_value,
        retention_rate as metric_value,
        is_complete
    from {{ ref('fct_retention') }}
    where retention = 'any_activity' and period = 'day' and periods_later = 30
)

select * from retention_d30
