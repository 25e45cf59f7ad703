with

charging_sessions as (
    select * from {{ ref('fct_charging_sessions') }}
    where started_at is not null and person_id is not null
),

clocks as (select * from {{ ref('int_data_clocks') }}),

calendar as (
    {{ calendar_of('clocks') }}
),

session_days as (
    select distinct
        app,
        person_id,
        session_date as day
    from charging_sessions
),

person_periods as (
    select distinct
        app,
        person_id,
        period,
        period_start
    from ({{ in_every_period('session_days', ['app', 'person_id']) }})
    where period != 'month'
),

-- neighbouring periods have neighbouring places, so that those of one streak are equally far from their rank
placed_periods as (
    select
        person_periods.*,
        calendar.place,
        calendar.place - row_number() over (
            partition by person_periods.app, person_periods.person_id, person_periods.period order by person_periods.period_start
        ) as streak
    from person_periods
    inner join calendar
        on person_periods.period = calendar.period and person_periods.period_start = calendar.period_start
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
        max(place) as last_place
    from placed_periods
    group by app, person_id, period, streak
),

app_places as (
    select
        clocks.app,
        clocks.last_date,
        calendar.period,
        max(calendar.place) as place
    from clocks
    inner join calendar
        on calendar.period_start <= clocks.last_date
    group by clocks.app, clocks.last_date, calendar.period
),

-- a streak goes on while the period that is not over can still continue it
person_streaks as (
    select
        streaks.app,
        streaks.person_id,
        streaks.period,
        cast(coalesce(max(case when streaks.last_place >= app_places.place - 1 then streaks.periods end), 0) as bigint) as current_streak,
        max(streaks.periods) as longest_streak,
        arg_max(streaks.first_start, (streaks.periods, streaks.first_start)) as longest_streak_start_date,
        cast(sum(streaks.periods) as bigint) as periods_with_a_session,
        max(streaks.last_start) as last_period_start_date,
        any_value(app_places.last_date) as as_of_date
    from streaks
    inner join app_places
        on streaks.app = app_places.app and streaks.period = app_places.period
    group by streaks.app, streaks.person_id, streaks.period
)

select * from person_streaks
