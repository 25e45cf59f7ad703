{{ config(materialized='view') }}

with

changes as (
    select
        priced_events.* exclude (fault, billing_interval, trial_ends_at),
        identities.person_id,
        money_event in ('subscription_created', 'subscription_reactivated') as is_start,
        money_event = 'subscription_cancelled' as is_end,
        case when priced_events.fault is null and not is_end then priced_events.billing_interval end as billing_interval,
        case when priced_events.fault is null and not is_end then reporting_cents end as price_cents,
        -- who begins again and says no price has that of before
        case
            when is_end or (is_start and priced_events.fault = 'missing_amount') then time_fault
            else coalesce(priced_events.fault, time_fault, 'none')
        end as fault,
        case when is_start then priced_events.trial_ends_at end as trial_ends_at
    from {{ ref('int_priced_money_events') }} as priced_events
    left join {{ ref('int_identities') }} as identities using (identity_key)
    where money_event like 'subscription%' and subscription_id is not null
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
told_turns as (
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
    from told_turns as pending
    inner join told_turns as decision
        on
            pending.app = decision.app
            and pending.subscription_id = decision.subscription_id
            and pending.turned_at > decision.occurred_at
            and pending.turned_at >= decision.turned_at
            and (pending.occurred_at, pending.order_at_one_moment, pending.event_id, pending.event_date)
            < (decision.occurred_at, decision.order_at_one_moment, decision.event_id, decision.event_date)
    where pending.turned_at > pending.occurred_at
),

turns as (
    select
        event_id,
        event_date,
        app,
        subscription_id,
        person_id,
        plan_id,
        billing_interval,
        status,
        fault,
        price_cents,
        turned_at,
        occurred_at,
        order_at_one_moment
    from told_turns
    anti join overtaken_turns using (app, event_id, event_date, status)
)

select * from turns
