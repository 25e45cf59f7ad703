{{ config(meta={'card': {
    'title': 'Dormant persons',
    'definition': 'Persons active in the period right before and not in this one.',
    'unit': 'persons',
    'good': 'down',
    'owner': 'Growth',
}}) }}

with

dormant_persons as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(dormant_persons as double) as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from dormant_persons
