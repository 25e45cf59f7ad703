with

stretches as (select * from {{ ref('int_subscription_stretches') }}),

-- a subscription goes on when its own app falls silent, so that it is no churn in sums over apps; but only its app's clock completes a month
clocks as (
    select
        own.app,
        latest.last_event_at,
        {{ local_timestamp('own.known_until_at') }} as known_until
    from {{ ref('int_data_clocks') }} as own
    inner join {{ ref('int_data_clocks') }} as latest
        on own.app is not null and latest.app is null
),

known_stretches as (
    select
        stretches.*,
        {{ local_timestamp('stretches.from_at') }} as first_moment,
        case
            when stretches.status = 'cancelled' then first_moment
            when stretches.until_at <= clocks.last_event_at then {{ local_timestamp('stretches.until_at') }} - interval 1 microsecond
            else {{ local_timestamp('clocks.last_event_at') }}
        end as last_moment,
        clocks.known_until
    from stretches
    inner join clocks
        on stretches.app = clocks.app and stretches.from_at <= clocks.last_event_at
),

-- what is cancelled shows in the month of its end alone
stretch_months as (
    select
        *,
        cast(
            unnest(generate_series(date_trunc('month', first_moment), greatest(first_moment, last_moment), interval 1 month)) as date
        ) as period_start
    from known_stretches
),

-- a month shows the stretch that it ends in
subscription_months as (
    select
        *,
        bool_or(
            status = 'trial' and previous_status is distinct from 'trial' and first_moment >= period_start
        ) over month_stretches as has_trial_started,
        bool_or(
            status = 'active' and previous_status is not distinct from 'trial' and mrr_cents > 0 and first_moment >= period_start
        ) over month_stretches as has_trial_converted,
        bool_or(is_beginning and first_moment >= period_start) over month_stretches as has_begun
    from stretch_months
    window month_stretches as (partition by app, subscription_id, period_start)
    qualify row_number() over (month_stretches order by from_at desc) = 1
),

months_with_opening as (
    select
        *,
        case
            when lag(period_start) over months_in_order = {{ shift_period('period_start', 'month', -1) }} then lag(mrr_cents) over months_in_order
            else 0
        end as opening_mrr_cents,
        max(mrr_cents) over (months_in_order rows between unbounded preceding and 1 preceding) > 0 as has_paid_before
    from subscription_months
    window months_in_order as (partition by app, subscription_id order by period_start)
),

months_with_movement as (
    select
        app,
        subscription_id,
        person_id,
        plan_id,
        billing_interval,
        period_start,
        status,
        opening_mrr_cents,
        mrr_cents as closing_mrr_cents,
        mrr_cents - opening_mrr_cents as movement_cents,
        {{ mrr_movement('opening_mrr_cents', 'mrr_cents', 'has_paid_before') }} as movement,
        fault,
        has_begun,
        has_trial_started,
        has_trial_converted,
        {{ shift_period('period_start', 'month', 1) }} <= known_until as is_complete
    from months_with_opening
)

select * from months_with_movement
