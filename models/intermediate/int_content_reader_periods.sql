{{ config(materialized='view') }}

with

-- items are looked at by the week, by the month and over all time
period_days as (
    select
        period,
        period_start,
        day
    from {{ ref('int_period_days') }}
    where period != 'day'
    union all
    select
        'all' as period,
        clocks.first_date as period_start,
        days.day
    from {{ ref('int_period_days') }} as days
    inner join {{ ref('int_data_clocks') }} as clocks on clocks.app is null
    where days.period = 'day'
),

reader_periods as (
    select
        period,
        period_start,
        app,
        creator_id,
        content_id,
        person_id,
        min(day) as first_date,
        bool_or(has_started and person_id is not null) as has_started,
        bool_or(has_finished) as has_finished,
        sum(columns(* exclude (period, period_start, app, creator_id, content_id, person_id, day, is_audience, has_started, has_finished)))
    from {{ ref('int_content_reader_days') }}
    inner join period_days using (day)
    group by all
)

select * from reader_periods
