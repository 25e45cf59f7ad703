{{ config(meta={'card': {
    'title': 'New MRR',
    'definition': 'MRR at the end of the month of customers who never paid before it.',
    'unit': 'cents',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

new_mrr as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(new_mrr_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from new_mrr
