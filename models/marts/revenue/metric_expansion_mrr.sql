{{ config(meta={'card': {
    'title': 'Expansion MRR',
    'definition': 'What customers who paid at the end of the month before pay more.',
    'unit': 'cents',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

expansion_mrr as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(expansion_mrr_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from expansion_mrr
