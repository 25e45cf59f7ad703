{{ config(meta={'card': {
    'title': 'Logo churn rate',
    'definition':
        'Customers who paid at the end of the month before and pay nothing any more / those who paid then; null without '
        'any.',
    'unit': 'share',
    'good': 'down',
    'owner': 'Finance',
}}) }}

with

logo_churn_rate as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        logo_churn_rate as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from logo_churn_rate
