{{ config(meta={'card': {
    'title': 'Net revenue retention (NRR)',
    'definition':
        '(opening + expansion - contraction - churned) / opening MRR of the month; null without any. New and returning '
        'customers are left out.',
    'unit': 'ratio',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

net_revenue_retention as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        net_revenue_retention as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from net_revenue_retention
