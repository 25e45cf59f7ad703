{{ config(meta={'card': {
    'title': 'Generations completed',
    'definition': 'Generations that came to a result in the period.',
    'unit': 'generations',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

generations_completed as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(generations_completed as double) as metric_value,
        is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from generations_completed
