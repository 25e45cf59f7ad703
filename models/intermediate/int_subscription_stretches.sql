with

priced_events as (
    select * from {{ ref('int_priced_money_events') }}
    where money_event like 'subscription%' and subscription_id is not null
),

identities as (select * from {{ ref('int_identities') }}),

changes as (
    select
        priced_events.event_id,
        priced_events.event_date,
        priced_events.app,
        priced_events.subscription_id,
        identities.person_id,
        priced_events.plan_id,
        priced_events.money_event in ('subscription_created', 'subscription_reactivated') as is_start,
        priced_events.money_event = 'subscription_cancelled' as is_end,
        {{ order_at_one_moment('priced_events.money_event') }} as order_at_one_moment,
        case when priced_events.fault is null and not is_end then priced_events.billing_interval end as billing_interval,
        case when priced_events.fault is null and not is_end then priced_events.reporting_cents end as price_cents,
        -- who begins again and says no price has that of before
        case
            when is_end or (is_start and priced_events.fault = 'missing_amount') then priced_events.time_fault
            else coalesce(priced_events.fault, priced_events.time_fault, 'none')
        end as fault,
        priced_events.occurred_at,
        priced_events.effective_at,
        case when is_start then priced_events.trial_ends_at end as trial_ends_at
    from priced_events
    left join identities
        on priced_events.identity_key = identities.identity_key
),

-- what a change does not say stays as it was; another price during a trial begins when the trial ends
changes_in_order as (
    select
        * replace (
            last_value(plan_id ignore nulls) over changes_until_now as plan_id,
            coalesce(last_value(billing_interval ignore nulls) over changes_until_now, 'month') as billing_interval,
            first_value(person_id ignore nulls) over all_changes as person_id
        ),
        last_value(
            case when is_start or is_end then greatest(effective_at, trial_ends_at) end ignore nulls
        ) over changes_until_now as running_trial_ends_at
    from changes
    window
        changes_until_now as (partition by app, subscription_id order by effective_at, occurred_at, order_at_one_moment, event_id, event_date),
        all_changes as (
            partition by app, subscription_id
            order by occurred_at, event_id, event_date
            rows between unbounded preceding and unbounded following
        )
),

-- what each change makes of the subscription, and from when
turns as (
    select
        *,
        'trial' as status,
        effective_at as turned_at
    from changes_in_order
    where is_start and trial_ends_at > effective_at
    union all
    select
        *,
        case when is_end then 'cancelled' else 'active' end as status,
        greatest(effective_at, running_trial_ends_at) as turned_at
    from changes_in_order
),

-- a turn that was still to come when a later decision took effect before it never came
overtaken_turns as (
    select distinct
        pending.app,
        pending.event_id,
        pending.event_date,
        pending.status
    from turns as pending
    inner join turns as decision
        on
            pending.app = decision.app
            and pending.subscription_id = decision.subscription_id
            and pending.turned_at > decision.occurred_at
            and pending.turned_at >= decision.turned_at
            and (pending.occurred_at, pending.order_at_one_moment, pending.event_id, pending.event_date)
            < (decision.occurred_at, decision.order_at_one_moment, decision.event_id, decision.event_date)
    where pending.turned_at > pending.occurred_at
),

monthly_turns as (
    select
        turns.*,
        {{ share_of_month('turns.price_cents', 'turns.billing_interval') | indent(8) }} as monthly_price_cents
    from turns
    anti join overtaken_turns
        on
            turns.app = overtaken_turns.app
            and turns.event_id = overtaken_turns.event_id
            and turns.event_date = overtaken_turns.event_date
            and turns.status = overtaken_turns.status
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
