{{ config(meta={'card': {
    'title': 'Week 1 retention',
    'definition':
        'Of the persons whose first activity falls into the week, the share that was active in the week after it; '
        'exact, first-time, calendar weeks.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

retention_w1 as (
    select
        period,
        cohort_start as period_start,
        'all' as segment,
        'all' as segment_value,
        retention_rate as metric_value,
        is_complete
    from {{ ref('fct_retention') }}
    where retention = 'any_activity' and period = 'week' and periods_later = 1
)

select * from retention_w1
