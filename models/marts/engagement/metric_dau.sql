{{ config(meta={'card': {
    'title': 'Daily active persons (DAU)',
    'definition': 'Distinct persons with activity on the day.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

dau as (
    select
        'day' as period,
        activity_date as period_start,
        segment,
        segment_value,
        cast(dau as double) as metric_value,
        is_complete
    from {{ ref('fct_active_persons') }}
)

select * from dau
