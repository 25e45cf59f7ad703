{{ config(meta={'card': {
    'title': 'Active persons',
    'definition': 'Distinct persons with activity in the calendar day, week or month.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

active_persons as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(active_persons as double) as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from active_persons
