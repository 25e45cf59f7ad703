-- A failing row is an app and a currency, with its days, whose money is in no number until seeds/exchange_rates.csv has a rate of them.
{{ config(severity='warn') }}

with

without_rate as (
    select
        app,
        currency,
        money_date as day
    from {{ ref('int_priced_money_events') }}
    where fault = 'missing_rate'
    union all
    select
        app,
        currency,
        credit_date as day
    from {{ ref('int_charging_credits') }}
    where fault = 'missing_rate'
)

select
    app,
    currency,
    count(*) as amounts,
    count(distinct day) as days,
    min(day) as first_day,
    max(day) as last_day

from without_rate

group by app, currency
