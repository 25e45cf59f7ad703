{{ config(meta={'card': {
    'title': 'Net new MRR',
    'definition':
        'MRR at the end of the month minus that at the end of the month before: new + expansion + reactivation - '
        'contraction - churned.',
    'unit': 'cents',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

net_new_mrr as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(closing_mrr_cents - opening_mrr_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from net_new_mrr
