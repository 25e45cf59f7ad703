{{ config(post_hook='{{ mark_built() }}') }}

with

known_rates as (
    select
        currency,
        valid_from_date,
        rate,
        valid_from_date + {{ setting('max_rate_age_days') + 1 }} as too_old_from_date,
        lead(valid_from_date) over (partition by currency order by valid_from_date) as next_from_date
    from {{ ref('exchange_rates') }}
    where reporting_currency = '{{ setting('reporting_currency') }}' and currency != '{{ setting('reporting_currency') }}'
),

exchange_rates as (
    select
        currency,
        valid_from_date,
        rate
    from known_rates
    union all
    -- a rate that is too old says nothing: from then on there is none until the next
    select
        currency,
        too_old_from_date as valid_from_date,
        null as rate
    from known_rates
    where next_from_date is null or too_old_from_date < next_from_date
    union all
    select
        '{{ setting('reporting_currency') }}' as currency,
        date '0001-01-01' as valid_from_date,
        1 as rate
),

-- a yen has no cents: what one minor unit is worth depends on how many both currencies have
minor_rates as (
    select
        exchange_rates.currency,
        exchange_rates.valid_from_date,
        cast(
            exchange_rates.rate
            * case reporting_currency.minor_units - currencies.minor_units
                when -3 then 0.001
                when -2 then 0.010
                when -1 then 0.100
                when 0 then 1.000
                when 1 then 10.000
                when 2 then 100.000
                when 3 then 1000.000
            end
            as decimal(20, 11)
        ) as minor_rate
    from exchange_rates
    inner join {{ ref('currencies') }} as currencies using (currency)
    inner join {{ ref('currencies') }} as reporting_currency
        on reporting_currency.currency = '{{ setting('reporting_currency') }}'
)

select * from minor_rates
