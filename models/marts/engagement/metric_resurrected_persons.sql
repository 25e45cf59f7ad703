{{ config(meta={'card': {
    'title': 'Resurrected persons',
    'definition': 'Persons active in the period and earlier, but not in the one right before it.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

resurrected_persons as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(resurrected_persons as double) as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from resurrected_persons
