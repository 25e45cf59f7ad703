{{ config(materialized='view') }}

with

credits as (
    select
        charging_events.event_id,
        charging_events.event_date,
        charging_events.app,
        charging_events.amount_cents,
        charging_events.unreadable_properties['amount_cents'] as unreadable_amount,
        {{ local_date('charging_events.occurred_at') }} as credit_date,
        coalesce(
            nullif(upper(trimmed(charging_events.currency)), ''), upper(app_currencies.currency), '{{ setting("reporting_currency") }}'
        ) as currency
    from {{ ref('int_charging_events') }} as charging_events
    left join {{ ref('app_currencies') }} as app_currencies using (app)
    where charging_events.step = 'credit'
),

credits_with_rate as (
    select
        credits.*,
        exchange_rates.minor_rate,
        coalesce(
            amount_fault(currencies.currency, credits.amount_cents, credits.unreadable_amount, exchange_rates.minor_rate),
            case when credits.amount_cents is null then 'missing_amount' end
        ) as fault
    from credits
    left join {{ ref('currencies') }} as currencies using (currency)
    asof left join {{ ref('int_exchange_rates') }} as exchange_rates
        on credits.currency = exchange_rates.currency and credits.credit_date >= exchange_rates.valid_from_date
),

priced_credits as (
    select
        * exclude (minor_rate, unreadable_amount),
        case
            when fault is not null and fault != 'missing_rate' then 0
            else coalesce({{ in_reporting_currency('amount_cents', 'credit_date') | indent(12) }}, 0)
        end as reward_cents
    from credits_with_rate
)

select * from priced_credits
