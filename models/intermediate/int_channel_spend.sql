with

-- a newer report of the same spend replaces the older one, whichever arrived first; rows of one report add up
newest_reports as (
    select reports.*
    from {{ ref('stg_reported_spend') }} as reports
    anti join {{ ref('stg_superseded_copies') }} using (batch_id, row_number)
    qualify rank() over (partition by app, spend_date, channel, utm_campaign order by reported_at desc nulls last) = 1
),

spend as (
    select
        spend_date,
        coalesce(app, 'default') as app,
        channel,
        utm_campaign,
        coalesce(upper(currency), '{{ setting('reporting_currency') }}') as currency,
        cast(null as decimal(18, 6)) as amount,
        spend_cents
    from {{ ref('channel_spend') }}
    union all
    select
        spend_date,
        app,
        channel,
        utm_campaign,
        coalesce(currency, '{{ setting('reporting_currency') }}') as currency,
        amount,
        spend_cents
    from newest_reports
),

spend_with_rate as (
    select
        spend.*,
        -- how many minor units one unit has
        [1, 10, 100, 1000, 10000][currencies.minor_units + 1] as minor_per_unit,
        exchange_rates.minor_rate
    from spend
    left join {{ ref('currencies') }} as currencies using (currency)
    asof left join {{ ref('int_exchange_rates') }} as exchange_rates
        on spend.currency = exchange_rates.currency and spend.spend_date >= exchange_rates.valid_from_date
),

spend_in_reporting_currency as (
    select
        spend_date,
        app,
        channel,
        utm_campaign,
        {{ in_reporting_currency(
            'coalesce(spend_cents, round(amount * cast(minor_per_unit as decimal(20, 0))))', 'spend_date', what='spend', is_stopped=true
        ) }} as spend_cents
    from spend_with_rate
),

channel_spend as (
    select
        spend_date,
        app,
        channel,
        utm_campaign,
        cast(sum(spend_cents) as bigint) as spend_cents
    from spend_in_reporting_currency
    group by all
)

select * from channel_spend
