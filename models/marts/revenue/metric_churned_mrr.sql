{{ config(meta={'card': {
    'title': 'Churned MRR',
    'definition': 'What those customers paid at the end of the month before who pay nothing any more.',
    'unit': 'cents',
    'good': 'down',
    'owner': 'Finance',
}}) }}

with

churned_mrr as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(churned_mrr_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from churned_mrr
