{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

all_told_events as not materialized (
    select
        *,
        hash(hash(told_events)) as source_hash
    from (select * exclude (source_hash) from {{ ref('int_told_money_events') }}) as told_events
),

changed_payments as materialized (
    {{ changed_payments('all_told_events') | indent(4) }}
),

told_events as (
    select * from all_told_events
    where {{ 'payment_number in (from changed_payments)' if is_incremental() else 'true' }}
),

amounts as materialized (
    select
        told_events.* exclude (amount_cents, billing_interval, trial_ends_at),
        is_priced_by_plan and told_events.amount_cents is null and unreadable_properties['amount_cents'] is null as is_at_plan_price,
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
        coalesce(told_events.trial_ends_at, effective_at + to_days(trial_days)) as trial_ends_at,
        {{ local_date('occurred_at') }} as money_date
    from told_events
    left join {{ ref('app_currencies') }} as app_currencies using (app)
),

-- an asof join sorts its rows, and these are far fewer than the events
days as (
    select distinct
        currency,
        money_date
    from amounts
),

rates_of_days as (
    select
        days.currency,
        days.money_date,
        exchange_rates.minor_rate
    from days
    asof left join {{ ref('int_exchange_rates') }} as exchange_rates
        on days.currency = exchange_rates.currency and days.money_date >= exchange_rates.valid_from_date
),

events_with_rate as (
    select
        amounts.*,
        rates_of_days.minor_rate,
        amount_fault(currencies.currency, amount_cents, unreadable_properties['amount_cents'], rates_of_days.minor_rate) as amount_fault,
        case
            when subscription_fault is not null then subscription_fault
            -- an end has no price
            when money_event = 'subscription_cancelled' then null
            when amount_fault is not null then amount_fault
            when money_event in ('payment_initiated', 'payment_failed') then null
            when
                is_of_subscription and has_interval
                and (billing_interval is null or unreadable_properties['billing_interval_count'] is not null)
                then 'unknown_billing_interval'
            when is_in_other_currency then 'plan_in_other_currency'
            when amount_cents is null and is_priced_by_plan and is_unknown_plan then 'unknown_plan'
            -- who comes back and says no price has that of before
            when amount_cents is null and money_event != 'subscription_reactivated' then 'missing_amount'
        end as fault,
        case
            when not is_of_subscription then null
            when unreadable_properties['effective_at'] is not null then 'unreadable_effective_at'
            when
                unreadable_properties['trial_ends_at'] is not null
                and money_event in ('subscription_created', 'subscription_reactivated')
                then 'unreadable_trial_ends_at'
        end as time_fault
    from amounts
    left join {{ ref('currencies') }} as currencies
        on amounts.currency = currencies.currency
    left join rates_of_days
        on amounts.currency = rates_of_days.currency and amounts.money_date = rates_of_days.money_date
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
        plan_id,
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
        trial_ends_at,
        order_at_one_moment,
        -- what the row was made from
        payment_number,
        source_hash
    from events_with_rate
)

select * from priced_events
{{ replaced_rows('payment_number in (from changed_payments)') }}
