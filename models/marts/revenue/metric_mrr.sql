{{ config(meta={'card': {
    'title': 'Monthly recurring revenue (MRR)',
    'definition': 'What the subscriptions paid for at the end of the month bring in a month, in cents of the reporting currency.',
    'unit': 'cents',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

mrr as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(closing_mrr_cents as double) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from mrr
