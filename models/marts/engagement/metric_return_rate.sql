{{ config(meta={'card': {
    'title': 'Return rate',
    'definition': 'Persons active in the period and before it / persons active in the period; null where nobody was active.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

return_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        return_rate as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from return_rate
