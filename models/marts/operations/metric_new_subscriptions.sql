{{ config(meta={'card': {
    'title': 'New subscriptions',
    'definition': 'Subscriptions that began in the period, with a trial or a price: each once, however often it was told, and in the period from which it is true.',
    'unit': 'subscriptions',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

new_subscriptions as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(new_subscriptions as double) as metric_value,
        is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from new_subscriptions
