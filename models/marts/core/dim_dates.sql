{%- set week_shift = 0 if setting('week_start') == 'monday' else 1 -%}

with

stream_days as (select * from {{ ref('int_stream_days') }}),

-- the data's own clock: nothing later is known to have happened
data_span as (
    select
        min(activity_date) as first_date,
        max(activity_date) as last_date
    from stream_days
),

calendar as (
    select cast(unnest(generate_series(date_trunc('month', first_date), last_day(last_date), interval 1 day)) as date) as date_day
    from data_span
    where first_date is not null
),

dates as (
    select
        calendar.date_day,
        cast(date_trunc('week', calendar.date_day + {{ week_shift }}) as date) - {{ week_shift }} as week_start_date,
        cast(date_trunc('month', calendar.date_day) as date) as month_start_date,
        cast(date_trunc('quarter', calendar.date_day) as date) as quarter_start_date,
        cast(date_trunc('year', calendar.date_day) as date) as year_start_date,
        cast(isodow(calendar.date_day) as integer) as iso_day_of_week,
        isodow(calendar.date_day) >= 6 as is_weekend,
        calendar.date_day between data_span.first_date and data_span.last_date as is_in_data,
        calendar.date_day < data_span.last_date as is_complete
    from calendar
    cross join data_span
)

select * from dates
