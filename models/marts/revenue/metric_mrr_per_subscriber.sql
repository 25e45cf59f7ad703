{{ config(meta={'card': {
    'title': 'MRR per subscriber',
    'definition': 'MRR / subscribers at the end of the month; null without any.',
    'unit': 'cents a person',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

mrr_per_subscriber as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        arpu_cents as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from mrr_per_subscriber
