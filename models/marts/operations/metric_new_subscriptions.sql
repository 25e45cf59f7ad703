{{ config(meta={'card': {
    'title': 'New subscriptions',
    'definition': 'Subscriptions created in the period, those that begin with a trial too.',
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
