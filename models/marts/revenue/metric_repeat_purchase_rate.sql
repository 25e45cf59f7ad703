{{ config(meta={'card': {
    'title': 'Repeat purchase rate',
    'definition':
        'Of the persons who pay in the period, the share that does so on a later day than the one of their first '
        'payment; null without a customer.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

repeat_purchase_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        repeat_customers / nullif(paying_customers, 0) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from repeat_purchase_rate
