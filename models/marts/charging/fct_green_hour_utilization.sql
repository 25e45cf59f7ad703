with

charging_sessions as (
    select * from {{ ref('fct_charging_sessions') }}
    where started_at is not null
),

incentive_windows as (select * from {{ ref('incentive_windows') }}),

charging_funnel as (select * from {{ ref('fct_charging_funnel') }}),

-- a window that ends over midnight belongs to the day on which it begins
days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as date_day
    from (
        select
            cast(min(started_at) as date) - 2 as first_day,
            cast(max(coalesce(stopped_at, started_at)) as date) + 1 as last_day
        from charging_sessions
    ) as span
    where first_day is not null
),

opening_times as (
    select
        incentive_windows.incentive_window,
        incentive_windows.app,
        incentive_windows.location_id,
        {{ utc_timestamp('days.date_day + cast(incentive_windows.from_time as time)') }} as opened_at,
        {{ utc_timestamp(
            'days.date_day + case when incentive_windows.until_time <= incentive_windows.from_time then 1 else 0 end'
            ~ ' + cast(incentive_windows.until_time as time)'
        ) }} as closed_at
    from incentive_windows
    inner join days
        on
            incentive_windows.weekdays is null
            or contains(lower(incentive_windows.weekdays), lower(strftime(days.date_day, '%a')))
),

-- half-open on both sides; of a session that was never stopped the moment of its start is known
green_sessions as (
    select distinct
        charging_sessions.charging_session_key,
        unnest([opening_times.incentive_window, 'any']) as incentive_window
    from charging_sessions
    inner join opening_times
        on
            opening_times.opened_at < opening_times.closed_at
            and charging_sessions.started_at < opening_times.closed_at
            and greatest(
                coalesce(charging_sessions.stopped_at, charging_sessions.started_at), charging_sessions.started_at + interval 1 microsecond
            ) > opening_times.opened_at
            and (opening_times.app is null or opening_times.app = charging_sessions.app)
            and (opening_times.location_id is null or opening_times.location_id = charging_sessions.location_id)
),

segment_sessions as (
    select
        unnest(
            {{ standard_segments({
                'app': 'charging_sessions.app',
                'region': "coalesce(charging_sessions.region, 'unknown')",
                'hub': hub_of('charging_sessions.app', 'charging_sessions.location_id'),
            }) }},
            recursive := true
        ),
        charging_sessions.session_date as day,
        green_sessions.incentive_window
    from charging_sessions
    inner join green_sessions
        on charging_sessions.charging_session_key = green_sessions.charging_session_key
),

period_sessions as (
    {{ in_every_period('segment_sessions', ['segment', 'segment_value', 'incentive_window']) | indent(4) }}
),

counts as (
    select
        segment,
        segment_value,
        period,
        period_start,
        incentive_window,
        count(*) as green_sessions
    from period_sessions
    group by segment, segment_value, period, period_start, incentive_window
),

windows as (
    select incentive_window from incentive_windows
    union
    select 'any' as incentive_window
),

green_hour_utilization as (
    select
        charging_funnel.period,
        charging_funnel.period_start,
        charging_funnel.segment,
        charging_funnel.segment_value,
        windows.incentive_window,
        charging_funnel.started_sessions,
        coalesce(counts.green_sessions, 0) as green_sessions,
        coalesce(counts.green_sessions, 0) / nullif(charging_funnel.started_sessions, 0) as green_hour_utilization,
        charging_funnel.is_complete
    from charging_funnel
    cross join windows
    left join counts
        on
            charging_funnel.segment = counts.segment
            and charging_funnel.segment_value = counts.segment_value
            and charging_funnel.period = counts.period
            and charging_funnel.period_start = counts.period_start
            and windows.incentive_window = counts.incentive_window
)

select * from green_hour_utilization
