with

person_periods as (
    select distinct
        sessions.app,
        sessions.person_id,
        days.period,
        days.period_start,
        days.period_number
    from {{ ref('fct_charging_sessions') }} as sessions
    inner join {{ ref('int_period_days') }} as days
        on sessions.session_date = days.day
    where sessions.started_at is not null and sessions.person_id is not null and days.period != 'month'
),

-- neighbouring periods have neighbouring numbers, so that those of one streak are equally far from their rank
ranked_periods as (
    select
        *,
        period_number - row_number() over (partition by app, person_id, period order by period_start) as streak
    from person_periods
),

streaks as (
    select
        app,
        person_id,
        period,
        streak,
        count(*) as periods,
        min(period_start) as first_start,
        max(period_start) as last_start,
        max(period_number) as last_number
    from ranked_periods
    group by all
),

app_periods as (
    select
        clock as app,
        period,
        last_date,
        max(period_number) as last_number
    from {{ ref('int_clock_periods') }}
    group by all
),

-- a streak goes on while the period that is not over can still continue it
person_streaks as (
    select
        app,
        streaks.person_id,
        period,
        coalesce(max(case when streaks.last_number >= app_periods.last_number - 1 then streaks.periods end), 0) as current_streak,
        max(streaks.periods) as longest_streak,
        arg_max(streaks.first_start, (streaks.periods, streaks.first_start)) as longest_streak_start_date,
        cast(sum(streaks.periods) as bigint) as periods_with_a_session,
        max(streaks.last_start) as last_period_start_date,
        app_periods.last_date as as_of_date
    from streaks
    inner join app_periods using (app, period)
    group by all
)

select * from person_streaks
