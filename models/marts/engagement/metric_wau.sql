{{ config(meta={'card': {
    'title': 'Weekly active persons (WAU)',
    'definition': 'Distinct persons with activity in the 7 days that end with the day.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

wau as (
    select
        'day' as period,
        activity_date as period_start,
        segment,
        segment_value,
        cast(wau as double) as metric_value,
        is_complete
    from {{ ref('fct_active_persons') }}
)

select * from wau
