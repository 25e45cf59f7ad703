{{ config(meta={'card': {
    'title': 'Month 1 retention',
    'definition':
        'Of the persons whose first activity falls into the month, the share that was active in the month after it; '
        'exact, first-time, calendar months.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

retention_m1 as (
    select
        period,
        cohort_start as period_start,
        'all' as segment,
        'all' as segment_value,
        retention_rate as metric_value,
        is_complete
    from {{ ref('fct_retention') }}
    where retention = 'any_activity' and period = 'month' and periods_later = 1
)

select * from retention_m1
