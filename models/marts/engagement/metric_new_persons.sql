{{ config(meta={'card': {
    'title': 'New persons',
    'definition': 'Persons whose first activity in the segment falls into the period.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

new_persons as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(new_persons as double) as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from new_persons
