{{ config(meta={'card': {
    'title': 'Returning persons',
    'definition': 'Persons active in the period and in the one right before it.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

returning_persons as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(returning_persons as double) as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from returning_persons
