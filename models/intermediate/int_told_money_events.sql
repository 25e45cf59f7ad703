{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

plans as (
    select
        *,
        lower(trimmed(plan_id)) as plan_in_lower_case
    from {{ ref('plans') }}
),

-- a plan may be named in another case, unless two plans differ in that alone
plans_by_any_case as (
    select
        app,
        plan_in_lower_case,
        any_value(plan_id) as plan_id
    from plans
    group by app, plan_in_lower_case
    having count(*) = 1
),

all_money_events as not materialized (
    select
        money_events.* replace (
            case when subscription_changes.event_id is null then money_events.subscription_id else subscription_changes.subscription_id end
                as subscription_id,
            coalesce(money_events.effective_at, money_events.occurred_at) as effective_at
        ),
        subscription_changes.fault as subscription_fault,
        coalesce(subscription_changes.order_at_one_moment, 1) as order_at_one_moment,
        hash(money_events.app, coalesce(money_events.payment_id, money_events.event_id)) as payment_number,
        hash(hash(money_events), subscription_changes.subscription_id, subscription_changes.fault, subscription_changes.order_at_one_moment)
            as source_hash
    from {{ ref('int_money_events') }} as money_events
    left join {{ ref('int_subscription_changes') }} as subscription_changes using (app, event_id, event_date)
),

sources as materialized (
    select
        payment_number,
        source_hash,
        app,
        subscription_id
    from all_money_events
),

changed_payments as materialized (
    {{ changed_payments('sources') | indent(4) }}
),

-- what a subscription is in is told to all payments that have an event of it
changed_subscriptions as (
    select
        app,
        subscription_id
    from sources
    where subscription_id is not null and payment_number in (from changed_payments)
    union
    select
        app,
        subscription_id
    from {{ this }}
    where subscription_id is not null and payment_number in (from changed_payments)
),

payments_told_anew as materialized (
    select payment_number from changed_payments
    union
    select payment_number
    from sources
    where (app, subscription_id) in (from changed_subscriptions)
),

subscriptions_told_anew as (
    select distinct
        app,
        subscription_id
    from sources
    where subscription_id is not null and payment_number in (from payments_told_anew)
),

-- with the other events of their subscriptions, which tell them what they are in
money_events as (
    select * from all_money_events
    {%- if is_incremental() %}
    where
        payment_number in (from payments_told_anew)
        or (app, subscription_id) in (from subscriptions_told_anew)
    {%- endif %}
),

named_payments as (
    select distinct
        app,
        payment_id
    from money_events
    where money_event like 'payment%' and payment_id is not null and coalesce(amount_cents, 0) >= 0
),

-- the price of a plan is that of events that set one
planned_events as materialized (
    select
        money_events.* replace (coalesce(plans.plan_id, money_events.plan_id) as plan_id),
        -- what names no payment is one of its own, whatever payment has the number of its event; a refund may name such an event
        case
            when money_events.payment_id is null then 'event ' || money_events.event_id
            when named_payments.payment_id is null then 'event ' || money_events.payment_id
            else 'payment ' || money_events.payment_id
        end as payment_key,
        money_events.money_event like 'subscription%' as is_of_subscription,
        money_events.money_event in (
            'subscription_created', 'subscription_upgraded', 'subscription_downgraded', 'subscription_reactivated'
        ) as is_priced_by_plan,
        nullif(upper(trimmed(money_events.currency)), '') as said_currency,
        money_events.plan_id is not null and plans.plan_id is null as is_unknown_plan,
        plans.currency as plan_currency,
        plans.amount_cents as plan_amount_cents,
        case when is_priced_by_plan then plans.billing_interval end as plan_interval,
        case when is_priced_by_plan then plans.trial_days end as trial_days
    from money_events
    left join named_payments using (app, payment_id)
    left join plans_by_any_case
        on money_events.app = plans_by_any_case.app and lower(trimmed(money_events.plan_id)) = plans_by_any_case.plan_in_lower_case
    left join plans
        on money_events.app = plans.app and coalesce(plans_by_any_case.plan_id, money_events.plan_id) = plans.plan_id
),

-- who says a currency needs no other event for it, unless it is to tell a silent one of its payment
marked_events as (
    select
        *,
        said_currency is null
        or subscription_id is not null
        or (app, payment_key) in (
            select (others.app, others.payment_key) from planned_events as others where others.said_currency is null
        ) as is_told_with_others
    from planned_events
),

-- what a payment and a subscription are in: of the former what its own events say, the furthest first; of the latter what was said last, else next
events_with_currencies as (
    select
        *,
        first_value(case when money_event like 'payment%' then said_currency end ignore nulls) over payment_events as payment_currency,
        last_value(case when is_of_subscription then coalesce(said_currency, plan_currency) end ignore nulls) over changes_until_now
            as subscription_currency,
        first_value(case when is_of_subscription then coalesce(said_currency, plan_currency) end ignore nulls) over changes_from_now
            as next_subscription_currency
    from marked_events
    where is_told_with_others is not false
    window
        payment_events as (
            partition by app, payment_key
            order by case money_event when 'payment_completed' then 1 when 'payment_failed' then 2 else 3 end, occurred_at, event_id, event_date
            rows between unbounded preceding and unbounded following
        ),
        changes_until_now as (
            partition by app, coalesce(subscription_id, 'event ' || event_id)
            order by effective_at, occurred_at, order_at_one_moment, event_id, event_date
            rows between unbounded preceding and current row
        ),
        changes_from_now as (
            partition by app, coalesce(subscription_id, 'event ' || event_id)
            order by effective_at, occurred_at, order_at_one_moment, event_id, event_date
            rows between current row and unbounded following
        )
),

-- a refund is in the currency of what it refunds, also where that has it of its plan or subscription
told_events as (
    select
        * exclude (currency, is_told_with_others, payment_currency, subscription_currency, next_subscription_currency),
        coalesce(
            said_currency,
            payment_currency,
            plan_currency,
            subscription_currency,
            next_subscription_currency,
            first_value(
                case when money_event like 'payment%' then coalesce(plan_currency, subscription_currency, next_subscription_currency) end ignore nulls
            ) over (
                partition by app, payment_key
                order by occurred_at, event_id, event_date
                rows between unbounded preceding and unbounded following
            )
        ) as told_currency
    from events_with_currencies
    union all by name
    select
        * exclude (currency, is_told_with_others),
        said_currency as told_currency
    from marked_events
    where is_told_with_others is false
),

told_anew as (
    select * from told_events
    where {{ 'payment_number in (from payments_told_anew)' if is_incremental() else 'true' }}
)

select * from told_anew
{{ replaced_rows('payment_number in (from payments_told_anew)') }}
