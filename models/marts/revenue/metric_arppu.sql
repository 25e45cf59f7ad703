{{ config(meta={'card': {
    'title': 'Average revenue per paying user (ARPPU)',
    'definition': 'Revenue / paying customers of the period; null without a customer.',
    'unit': 'cents a person',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

arppu as (
    select
        period,
        period_start,
        segment,
        segment_value,
        revenue_cents / nullif(paying_customers, 0) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from arppu
