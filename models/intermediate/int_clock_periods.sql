with

clocks as (select * from {{ ref('int_data_clocks') }}),

periods as (
    select distinct * exclude (day)
    from {{ ref('int_period_days') }}
),

-- an app's periods end with its own data, whatever other apps go on doing
clock_periods as (
    select
        coalesce(clocks.app, '') as clock,
        periods.period,
        periods.period_start,
        periods.period_end,
        periods.period_number,
        clocks.first_date,
        clocks.last_date,
        clocks.known_until,
        periods.period_end <= clocks.known_until as is_complete
    from clocks
    inner join periods
        on periods.period_start <= clocks.last_date
)

select * from clock_periods
