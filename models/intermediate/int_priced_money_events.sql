{{ config(materialized='view') }}

with

money_events as (select * from {{ ref('int_money_events') }}),

subscription_changes as (select * from {{ ref('int_subscription_changes') }}),

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

app_currencies as (select * from {{ ref('app_currencies') }}),

currencies as (select * from {{ ref('currencies') }}),

exchange_rates as (select * from {{ ref('int_exchange_rates') }}),

named_payments as (
    select distinct
        app,
        payment_id
    from money_events
    where money_event like 'payment%' and payment_id is not null and coalesce(amount_cents, 0) >= 0
),

-- the price of a plan is that of events that set one
planned_events as (
    select
        money_events.* replace (
            case when subscription_changes.event_id is null then money_events.subscription_id else subscription_changes.subscription_id end
                as subscription_id,
            coalesce(money_events.effective_at, money_events.occurred_at) as effective_at
        ),
        -- what names no payment is one of its own, whatever payment has the number of its event; a refund may name such an event
        case
            when money_events.payment_id is null then 'event ' || money_events.event_id
            when named_payments.payment_id is null then 'event ' || money_events.payment_id
            else 'payment ' || money_events.payment_id
        end as payment_key,
        {{ local_date('money_events.occurred_at') }} as money_date,
        subscription_changes.fault as subscription_fault,
        money_events.money_event like 'subscription%' as is_of_subscription,
        money_events.money_event in (
            'subscription_created', 'subscription_upgraded', 'subscription_downgraded', 'subscription_reactivated'
        ) as is_priced_by_plan,
        nullif(upper(trimmed(money_events.currency)), '') as said_currency,
        unreadable_properties['amount_cents'] as unreadable_amount,
        plans.plan_id as known_plan_id,
        plans.currency as plan_currency,
        plans.amount_cents as plan_amount_cents,
        case when is_priced_by_plan then plans.billing_interval end as plan_interval,
        case when is_priced_by_plan then plans.trial_days end as trial_days
    from money_events
    left join subscription_changes
        on
            money_events.app = subscription_changes.app
            and money_events.event_id = subscription_changes.event_id
            and money_events.event_date = subscription_changes.event_date
    left join named_payments
        on money_events.app = named_payments.app and money_events.payment_id = named_payments.payment_id
    left join plans_by_any_case
        on money_events.app = plans_by_any_case.app and lower(trimmed(money_events.plan_id)) = plans_by_any_case.plan_in_lower_case
    left join plans
        on money_events.app = plans.app and coalesce(plans_by_any_case.plan_id, money_events.plan_id) = plans.plan_id
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
    from planned_events
    window
        payment_events as (
            partition by app, payment_key
            order by case money_event when 'payment_completed' then 1 when 'payment_failed' then 2 else 3 end, occurred_at, event_id, event_date
            rows between unbounded preceding and unbounded following
        ),
        changes_until_now as (
            partition by app, coalesce(subscription_id, 'event ' || event_id)
            order by effective_at, occurred_at, {{ order_at_one_moment('money_event') }}, event_id, event_date
            rows between unbounded preceding and current row
        ),
        changes_from_now as (
            partition by app, coalesce(subscription_id, 'event ' || event_id)
            order by effective_at, occurred_at, {{ order_at_one_moment('money_event') }}, event_id, event_date
            rows between current row and unbounded following
        )
),

-- a refund is in the currency of what it refunds, also where that has it of its plan or subscription
told_events as (
    select
        events_with_currencies.*,
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
),

amounts as (
    select
        told_events.* exclude (amount_cents, currency, billing_interval, trial_ends_at),
        is_priced_by_plan and told_events.amount_cents is null and unreadable_amount is null as is_at_plan_price,
        is_at_plan_price and said_currency != plan_currency as is_in_other_currency,
        coalesce(
            told_events.amount_cents, case when is_at_plan_price and is_in_other_currency is not true then plan_amount_cents end
        ) as amount_cents,
        coalesce(upper(told_currency), upper(app_currencies.currency), '{{ setting('reporting_currency') }}') as currency,
        case
            when trimmed(told_events.billing_interval) != '' then billing_period(told_events.billing_interval, billing_interval_count)
            else billing_period(plan_interval, billing_interval_count)
        end as billing_interval,
        trimmed(told_events.billing_interval) != '' is true
        or billing_interval_count is not null
        or unreadable_properties['billing_interval_count'] is not null as has_interval,
        coalesce(told_events.trial_ends_at, effective_at + to_days(trial_days)) as trial_ends_at
    from told_events
    left join app_currencies
        on told_events.app = app_currencies.app
),

events_with_rate as (
    select
        amounts.*,
        exchange_rates.minor_rate,
        case
            when amounts.subscription_fault is not null then amounts.subscription_fault
            -- an end has no price
            when amounts.money_event = 'subscription_cancelled' then null
            {{ amount_faults('amounts.amount_cents', 'amounts.unreadable_amount', 'exchange_rates.minor_rate') | indent(12) }}
            when amounts.money_event in ('payment_initiated', 'payment_failed') then null
            when
                amounts.is_of_subscription and amounts.has_interval
                and (amounts.billing_interval is null or amounts.unreadable_properties['billing_interval_count'] is not null)
                then 'unknown_billing_interval'
            when amounts.is_in_other_currency then 'plan_in_other_currency'
            when amounts.amount_cents is null and amounts.is_priced_by_plan and amounts.plan_id is not null and amounts.known_plan_id is null
                then 'unknown_plan'
            -- who comes back and says no price has that of before
            when amounts.amount_cents is null and amounts.money_event != 'subscription_reactivated' then 'missing_amount'
        end as fault,
        case
            when not amounts.is_of_subscription then null
            when amounts.unreadable_properties['effective_at'] is not null then 'unreadable_effective_at'
            when
                amounts.unreadable_properties['trial_ends_at'] is not null
                and amounts.money_event in ('subscription_created', 'subscription_reactivated')
                then 'unreadable_trial_ends_at'
        end as time_fault
    from amounts
    left join currencies
        on amounts.currency = currencies.currency
    asof left join exchange_rates
        on amounts.currency = exchange_rates.currency and amounts.money_date >= exchange_rates.valid_from_date
),

priced_events as (
    select
        -- ids
        event_id,
        identity_key,
        account_id,
        payment_id,
        payment_key,
        order_id,
        product_id,
        subscription_id,
        coalesce(known_plan_id, plan_id) as plan_id,
        content_id,
        creator_id,
        -- strings
        money_event,
        app,
        country,
        currency,
        billing_interval,
        fault,
        time_fault,
        -- numbers
        amount_cents,
        case
            when amount_cents is null or money_event = 'subscription_cancelled' then null
            when fault in ('unknown_currency', 'amount_out_of_range') then null
            else {{ in_reporting_currency('amount_cents', 'money_date') | indent(12) }}
        end as reporting_cents,
        -- dates and timestamps (utc)
        event_date,
        money_date,
        occurred_at,
        effective_at,
        trial_ends_at
    from events_with_rate
)

select * from priced_events
