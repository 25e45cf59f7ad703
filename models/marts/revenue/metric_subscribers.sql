{{ config(meta={'card': {
    'title': 'Subscribers',
    'definition': 'Customers who pay for a subscription at the end of the month; trials are not counted.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

subscribers as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(closing_customers as double) as metric_value,
        is_complete
    from {{ ref('fct_mrr_movements') }}
)

select * from subscribers
