{{ config(meta={'card': {
    'title': 'Generation failure rate',
    'definition': 'Generations failed / generations completed or failed in the period; null without either.',
    'unit': 'share',
    'good': 'down',
    'owner': 'Product',
}}) }}

with

generation_failure_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        generations_failed / nullif(generations_completed + generations_failed, 0) as metric_value,
        is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from generation_failure_rate
