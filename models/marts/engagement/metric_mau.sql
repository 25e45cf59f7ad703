{{ config(meta={'card': {
    'title': 'Monthly active persons (MAU)',
    'definition': 'Distinct persons with activity in the 30 days (setting mau_days) that end with the day.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

mau as (
    select
        'day' as period,
        activity_date as period_start,
        segment,
        segment_value,
        cast(mau as double) as metric_value,
        is_complete
    from {{ ref('fct_active_persons') }}
)

select * from mau
