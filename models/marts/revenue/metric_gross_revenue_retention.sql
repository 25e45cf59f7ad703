{{ config(meta={'card': {
    'title': 'Gross revenue retention (GRR)',
    'definition': '(opening - contraction - churned) / opening MRR of the month; null without any.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

gross_revenue_retention as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        gross_revenue_retention as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from gross_revenue_retention
