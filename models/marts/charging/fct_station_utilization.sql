with

charging_sessions as (
    select * from {{ ref('fct_charging_sessions') }}
    where station_id is not null
),

clocks as (select * from {{ ref('int_data_clocks') }}),

calendar as (
    {{ calendar_of('clocks') }}
),

-- a station is there from its first session's day to the end of its app's data, where its last session says
stations as (
    select
        charging_sessions.app,
        charging_sessions.station_id,
        arg_max(
            charging_sessions.location_id, (charging_sessions.session_date, charging_sessions.charging_session_key)
        ) as location_id,
        arg_max(charging_sessions.region, (charging_sessions.session_date, charging_sessions.charging_session_key)) as region,
        min(charging_sessions.session_date) as first_day,
        any_value(clocks.last_event_at) as last_event_at,
        any_value(clocks.last_date) as last_day,
        any_value(clocks.known_until) as known_until
    from charging_sessions
    inner join clocks
        on charging_sessions.app = clocks.app
    group by charging_sessions.app, charging_sessions.station_id
),

station_days as (
    select
        stations.*,
        calendar.period_start as day,
        {{ utc_timestamp('cast(calendar.period_start as timestamp)') }} as begins_at,
        {{ utc_timestamp('cast(calendar.next_period_start as timestamp)') }} as ends_at
    from stations
    inner join calendar
        on calendar.period = 'day' and calendar.period_start between stations.first_day and stations.last_day
),

charges as (
    select
        app,
        station_id,
        charging_session_key,
        session_date,
        started_at,
        stopped_at,
        max(stopped_at) over (
            partition by app, station_id
            order by started_at, stopped_at, charging_session_key
            rows between unbounded preceding and 1 preceding
        ) as occupied_until_at
    from charging_sessions
    where is_completed
),

-- what a station is occupied by already is not counted again
stretches as (
    select
        app,
        station_id,
        greatest(started_at, coalesce(occupied_until_at, started_at)) as from_at,
        stopped_at as until_at
    from charges
    where stopped_at > coalesce(occupied_until_at, started_at)
),

stretch_days as (
    select
        *,
        cast(unnest(generate_series({{ local_date('from_at') }}, {{ local_date('until_at') }}, interval 1 day)) as date) as day
    from stretches
),

station_day_hours as (
    select
        station_days.app,
        station_days.station_id,
        station_days.location_id,
        station_days.region,
        station_days.day,
        any_value(station_days.known_until) as known_until,
        epoch_us(any_value(least(station_days.ends_at, station_days.last_event_at))) - epoch_us(any_value(station_days.begins_at)) as station_us,
        -- least and greatest pass over nulls, so that a silent day would be an occupied one
        coalesce(
            sum(
                case
                    when stretch_days.day is not null
                        then
                            epoch_us(least(stretch_days.until_at, station_days.ends_at))
                            - epoch_us(greatest(stretch_days.from_at, station_days.begins_at))
                end
            ),
            0
        ) as occupied_us
    from station_days
    left join stretch_days
        on station_days.app = stretch_days.app and station_days.station_id = stretch_days.station_id and station_days.day = stretch_days.day
    group by station_days.app, station_days.station_id, station_days.location_id, station_days.region, station_days.day
),

started_sessions as (
    select
        app,
        station_id,
        session_date as day,
        count(case when started_at is not null then 1 end) as started_sessions
    from charging_sessions
    group by app, station_id, session_date
),

station_day_figures as (
    select
        station_day_hours.*,
        coalesce(started_sessions.started_sessions, 0) as started_sessions
    from station_day_hours
    left join started_sessions
        on
            station_day_hours.app = started_sessions.app
            and station_day_hours.station_id = started_sessions.station_id
            and station_day_hours.day = started_sessions.day
),

station_periods as (
    {{ in_every_period('station_day_figures', ['*']) | indent(4) }}
),

station_utilization as (
    select
        station_periods.period,
        station_periods.period_start,
        station_periods.app,
        station_periods.location_id,
        station_periods.region,
        station_periods.station_id,
        cast(sum(station_periods.started_sessions) as bigint) as started_sessions,
        cast(sum(station_periods.occupied_us) as bigint) as occupied_us,
        cast(sum(station_periods.station_us) as bigint) as station_us,
        cast(sum(station_periods.occupied_us) as double) / 3600000000 as occupied_hours,
        cast(sum(station_periods.station_us) as double) / 3600000000 as station_hours,
        cast(sum(station_periods.occupied_us) as double) / nullif(sum(station_periods.station_us), 0) as utilization,
        any_value(calendar.next_period_start) + to_days({{ setting('charging_settle_days') }})
        <= any_value(station_periods.known_until) as is_complete
    from station_periods
    inner join calendar
        on station_periods.period = calendar.period and station_periods.period_start = calendar.period_start
    group by
        station_periods.period,
        station_periods.period_start,
        station_periods.app,
        station_periods.location_id,
        station_periods.region,
        station_periods.station_id
)

select * from station_utilization
