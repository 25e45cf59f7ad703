with

-- by app and day, before a day is counted in each of its periods; page views of nobody are views without a visitor
app_days as (
    select
        app,
        activity_date as day,
        sum(page_views) as views
    from {{ ref('int_person_days') }}
    group by all
    union all by name
    select
        app,
        activity_date as day,
        unidentified_page_views as views
    from {{ ref('int_app_days') }}
    union all by name
    select
        app,
        session_date as day,
        count(*) as sessions,
        count(*) filter (where is_bounce) as bounces,
        -- whole microseconds, so that the average does not depend on the order in which they are added
        sum(cast(round(duration_seconds * 1000000) as bigint)) as microseconds
    from {{ ref('int_sessions') }}
    where {{ is_counted() }}
    group by all
),

clock_days as (
    select
        unnest(['', app]) as clock,
        * exclude (app)
    from app_days
),

-- a person is a visitor of a period on their first day in it: the active day before lies before the period
visitors as (
    select
        gaps.clock,
        days.period,
        days.period_start,
        gaps.units as visitors
    from {{ ref('int_active_gaps') }} as gaps
    inner join {{ ref('int_period_days') }} as days using (day)
    where gaps.segment in ('all', 'app') and coalesce(gaps.previous_day < days.period_start, true)
),

counted as (
    select * exclude (day, period_end, period_number)
    from clock_days
    inner join {{ ref('int_period_days') }} using (day)
    union all by name
    select * from visitors
),

counts as (
    select
        clock,
        period,
        period_start,
        sum(visitors) as visitors,
        sum(views) as views,
        sum(sessions) as sessions,
        sum(bounces) as bounces,
        sum(microseconds) as microseconds
    from counted
    group by all
),

-- from the first period with an event to the last, so that a silent one is a zero and not a hole
web_overview as (
    select
        period,
        period_start,
        if(clock = '', 'all', 'app') as segment,
        if(clock = '', 'all', clock) as segment_value,
        cast(coalesce(counts.visitors, 0) as bigint) as visitors,
        cast(coalesce(counts.views, 0) as bigint) as views,
        cast(coalesce(counts.sessions, 0) as bigint) as sessions,
        counts.microseconds / nullif(counts.sessions, 0) / 1000000 as avg_session_seconds,
        counts.bounces / nullif(counts.sessions, 0) as bounce_rate,
        periods.is_complete
    from {{ ref('int_clock_periods') }} as periods
    left join counts using (clock, period, period_start)
    where periods.period_end > periods.first_date
)

select * from web_overview
