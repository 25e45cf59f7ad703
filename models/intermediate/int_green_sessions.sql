with

charging_sessions as (
    select * from {{ ref('int_charging_sessions') }}
    where started_at is not null
),

-- a window that ends over midnight belongs to the day on which it begins
days as (
    select
        cast(
            unnest(generate_series(
                min(cast(started_at as date)) - 2,
                max(cast(coalesce(stopped_at, started_at) as date)) + 1,
                interval 1 day
            )) as date
        ) as day
    from charging_sessions
),

opening_times as (
    select
        windows.incentive_window,
        windows.app,
        windows.location_id,
        {{ utc_timestamp('days.day + cast(windows.from_time as time)') }} as opened_at,
        {{ utc_timestamp(
            'days.day + case when windows.until_time <= windows.from_time then 1 else 0 end + cast(windows.until_time as time)'
        ) }} as closed_at
    from {{ ref('incentive_windows') }} as windows
    inner join days
        on windows.weekdays is null or contains(lower(windows.weekdays), lower(strftime(days.day, '%a')))
),

-- half-open on both sides; of a session that was never stopped the moment of its start is known
green_sessions as (
    select distinct
        sessions.charging_session_key,
        unnest([times.incentive_window, 'any']) as incentive_window
    from charging_sessions as sessions
    inner join opening_times as times
        on
            times.opened_at < times.closed_at
            and sessions.started_at < times.closed_at
            and greatest(coalesce(sessions.stopped_at, sessions.started_at), sessions.started_at + interval 1 microsecond) > times.opened_at
            and (times.app is null or times.app = sessions.app)
            and (times.location_id is null or times.location_id = sessions.location_id)
)

select * from green_sessions
