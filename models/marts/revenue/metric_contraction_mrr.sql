{{ config(meta={'card': {
    'title': 'Contraction MRR',
    'definition': 'What customers who still pay pay less than at the end of the month before.',
    'unit': 'cents',
    'good': 'down',
    'owner': 'Finance',
}}) }}

with

contraction_mrr as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(contraction_mrr_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from contraction_mrr
