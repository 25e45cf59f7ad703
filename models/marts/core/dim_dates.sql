with

-- to the end of the month of the last event, as calendars go
calendar as (
    select
        cast(unnest(generate_series(date_trunc('month', first_date), last_day(last_date), interval 1 day)) as date) as date_day,
        first_date,
        last_date
    from {{ ref('int_data_clocks') }}
    where app is null and first_date is not null
),

dates as (
    select
        date_day,
        {{ period_start('date_day', 'week', setting('week_start')) }} as week_start_date,
        cast(date_trunc('month', date_day) as date) as month_start_date,
        cast(date_trunc('quarter', date_day) as date) as quarter_start_date,
        cast(date_trunc('year', date_day) as date) as year_start_date,
        cast(isodow(date_day) as integer) as iso_day_of_week,
        isodow(date_day) >= 6 as is_weekend,
        date_day between first_date and last_date as is_in_data,
        date_day < last_date as is_complete
    from calendar
)

select * from dates
