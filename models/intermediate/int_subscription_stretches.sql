with

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
    from {{ ref('int_subscription_turns') }}
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
