-- A failing row is a month of an app, or of all, in which not as many subscriptions began for the operating numbers as for the movements of MRR.
select
    daily_operations.segment_value,
    daily_operations.period_start,
    daily_operations.new_subscriptions,
    mrr_movements.new_subscriptions as new_subscriptions_of_movements

from {{ ref('fct_daily_operations') }} as daily_operations

left join {{ ref('fct_mrr_movements') }} as mrr_movements using (segment, segment_value, period_start)

-- on the day of its last event one goes by the day and the other by the moment
where
    daily_operations.period = 'month'
    and daily_operations.is_complete
    and daily_operations.new_subscriptions != coalesce(mrr_movements.new_subscriptions, 0)
