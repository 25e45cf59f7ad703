with

-- an interval as `billing_period` spells it: `year`, or `6 months`
turns as (
    select
        *,
        coalesce(try_cast(split_part(billing_interval, ' ', 1) as bigint), 1) as interval_count,
        rtrim(split_part(billing_interval, ' ', -1), 's') as interval_unit
    from {{ ref('int_subscription_turns') }}
),

-- a price's share of a month, in whole cents: half a cent goes upwards
monthly_turns as (
    select
        *,
        try_cast(
            case interval_unit
                when 'day' then (2 * 365 * cast(price_cents as hugeint) + 12 * interval_count) // (24 * interval_count)
                when 'week' then (2 * 52 * cast(price_cents as hugeint) + 12 * interval_count) // (24 * interval_count)
                when 'month' then (2 * cast(price_cents as hugeint) + interval_count) // (2 * interval_count)
                when 'quarter' then (2 * cast(price_cents as hugeint) + 3) // 6
                when 'year' then (2 * cast(price_cents as hugeint) + 12 * interval_count) // (24 * interval_count)
            end
            as bigint
        ) as monthly_price_cents
    from turns
),

stretches as (
    select
        app,
        subscription_id,
        person_id,
        plan_id,
        billing_interval,
        status,
        case
            when status = 'active' then coalesce(last_value(monthly_price_cents ignore nulls) over turns_in_order, 0)
            else 0
        end as mrr_cents,
        -- of the last word on the price; one that never had a price has no fault of its own to show
        case
            when last_value(monthly_price_cents ignore nulls) over turns_in_order is null and status != 'cancelled'
                then coalesce(nullif(last_value(fault ignore nulls) over turns_in_order, 'none'), 'missing_amount')
            else nullif(last_value(fault ignore nulls) over turns_in_order, 'none')
        end as fault,
        turned_at as from_at,
        lead(turned_at) over turns_in_order as until_at,
        lag(status) over turns_in_order as previous_status
    from monthly_turns
    window turns_in_order as (partition by app, subscription_id order by turned_at, occurred_at, order_at_one_moment, event_id, event_date)
    qualify until_at is distinct from from_at
),

-- of what lasted at all
stretches_with_beginning as (
    select
        *,
        status != 'cancelled'
        and row_number() over (partition by app, subscription_id, status = 'cancelled' order by from_at) = 1 as is_beginning
    from stretches
)

select * from stretches_with_beginning
