{{ config(materialized='view') }}
{%- set reporting_currency = setting('reporting_currency') %}

with

money_events as (

    select * from {{ ref('int_money_events') }}

),

plans as (

    select * from {{ ref('plans') }}

),

currencies as (

    select * from {{ ref('currencies') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

-- a subscription's event that names no price has that of its plan
planned_events as (

    select
        money_events.* exclude (
            amount_cents, currency, billing_interval, billing_interval_count, effective_at, trial_ends_at, unreadable_properties
        ),
        money_events.unreadable_properties['amount_cents'] as unreadable_amount,
        {{ local_date('money_events.occurred_at') }} as money_date,
        coalesce(money_events.effective_at, money_events.occurred_at) as effective_at,
        coalesce(lower(money_events.billing_interval), plans.billing_interval) as billing_interval,
        coalesce(
            money_events.trial_ends_at,
            coalesce(money_events.effective_at, money_events.occurred_at) + to_days(plans.trial_days)
        ) as trial_ends_at,
        coalesce(money_events.amount_cents, case when unreadable_amount is null then plans.amount_cents end) as amount_cents,
        coalesce(
            nullif(upper(trim(case when money_events.amount_cents is null then plans.currency else money_events.currency end)), ''),
            '{{ reporting_currency }}'
        ) as currency

    from money_events

    left join plans
        on
            money_events.app = plans.app
            and money_events.plan_id = plans.plan_id
            and money_events.money_event in ('subscription_created', 'subscription_upgraded', 'subscription_downgraded', 'subscription_reactivated')

),

events_with_rate as (

    select
        planned_events.* exclude (unreadable_amount),
        exchange_rates.minor_rate,
        case
            {{ amount_faults('planned_events.amount_cents', 'planned_events.unreadable_amount') | indent(8) }}
            when planned_events.billing_interval not in ('day', 'week', 'month', 'quarter', 'year') then 'unknown_billing_interval'
            when
                planned_events.amount_cents is null
                and planned_events.money_event not in ('payment_initiated', 'payment_failed', 'subscription_cancelled')
                then 'missing_amount'
        end as fault

    from planned_events

    left join currencies
        on planned_events.currency = currencies.currency

    asof left join exchange_rates
        on planned_events.currency = exchange_rates.currency and planned_events.money_date >= exchange_rates.valid_from_date

),

priced_events as (

    select
        * exclude (minor_rate),
        case
            when amount_cents is null or fault in ('unknown_currency', 'amount_out_of_range') then null
            else {{ in_reporting_currency('amount_cents', 'money_date') | indent(12) }}
        end as reporting_cents

    from events_with_rate

)

select * from priced_events
