-- A failing row is a month and app in which not as many subscriptions began for the operating numbers as for the movements of MRR.
with

daily_operations as (
    select * from {{ ref('fct_daily_operations') }}
    where segment = 'app' and period = 'month'
),

mrr_movements as (
    select * from {{ ref('fct_mrr_movements') }}
    where segment = 'app'
)

select
    daily_operations.segment_value as app,
    daily_operations.period_start,
    daily_operations.new_subscriptions,
    mrr_movements.new_subscriptions as new_subscriptions_of_movements

from daily_operations

left join mrr_movements
    on daily_operations.segment_value = mrr_movements.segment_value and daily_operations.period_start = mrr_movements.period_start

-- the last month of an app that fell silent goes on for its subscriptions
where daily_operations.is_complete and daily_operations.new_subscriptions != coalesce(mrr_movements.new_subscriptions, 0)
