with

clocks as (
    select
        coalesce(app, '') as as_of_clock,
        last_event_at
    from {{ ref('int_data_clocks') }}
),

stretches as (
    select
        unnest([app, '']) as as_of_clock,
        *
    from {{ ref('int_subscription_stretches') }}
),

-- as its own app knows it, and as all apps do: in sums over apps one that fell silent has lost nobody
known_stretches as (
    select
        stretches.*,
        {{ local_timestamp('stretches.from_at') }} as first_moment,
        case
            when stretches.status = 'cancelled' then first_moment
            when stretches.until_at <= clocks.last_event_at then {{ local_timestamp('stretches.until_at') }} - interval 1 microsecond
            else {{ local_timestamp('clocks.last_event_at') }}
        end as last_moment
    from stretches
    inner join clocks using (as_of_clock)
    where stretches.from_at <= clocks.last_event_at
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
    window month_stretches as (partition by as_of_clock, app, subscription_id, period_start)
    qualify row_number() over (month_stretches order by from_at desc) = 1
),

months_with_opening as (
    select
        *,
        case
            when lag(period_start) over months_in_order = period_start - interval 1 month then lag(mrr_cents) over months_in_order
            else 0
        end as opening_mrr_cents,
        max(mrr_cents) over (months_in_order rows between unbounded preceding and 1 preceding) > 0 as has_paid_before
    from subscription_months
    window months_in_order as (partition by as_of_clock, app, subscription_id order by period_start)
),

months_with_movement as (
    select
        as_of_clock,
        app,
        subscription_id,
        person_id,
        plan_id,
        billing_interval,
        months_with_opening.period_start,
        status,
        opening_mrr_cents,
        mrr_cents as closing_mrr_cents,
        mrr_cents - opening_mrr_cents as movement_cents,
        mrr_movement(opening_mrr_cents, mrr_cents, has_paid_before) as movement,
        fault,
        has_begun,
        has_trial_started,
        has_trial_converted,
        months.is_complete
    from months_with_opening
    inner join {{ ref('int_clock_periods') }} as months
        on months.period = 'month' and months_with_opening.as_of_clock = months.clock and months_with_opening.period_start = months.period_start
)

select * from months_with_movement
