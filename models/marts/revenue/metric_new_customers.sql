{{ config(meta={'card': {
    'title': 'New customers',
    'definition': 'Persons whose first payment of more than nothing, in the segment, falls into the period.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

new_customers as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(new_customers as double) as metric_value,
        is_complete
    from {{ ref('fct_revenue_overview') }}
)

select * from new_customers
