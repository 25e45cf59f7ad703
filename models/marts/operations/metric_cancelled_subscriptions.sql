{{ config(meta={'card': {
    'title': 'Cancelled subscriptions',
    'definition': 'Cancellations sent in the period, whenever they take effect.',
    'unit': 'subscriptions',
    'good': 'down',
    'owner': 'Growth',
}}) }}

with

cancelled_subscriptions as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(cancelled_subscriptions as double) as metric_value,
        is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from cancelled_subscriptions
