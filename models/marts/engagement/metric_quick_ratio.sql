{{ config(meta={'card': {
    'title': 'Quick ratio',
    'definition': '(new + resurrected) / dormant persons; null where nobody fell silent. Above 1 the active persons grow.',
    'unit': 'ratio',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

quick_ratio as (
    select
        period,
        period_start,
        segment,
        segment_value,
        quick_ratio as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from quick_ratio
