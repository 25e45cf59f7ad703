with

charging_sessions as (
    select * from {{ ref('int_charging_sessions') }}
    where station_id is not null
),

-- a station is where its last session says
stations as (
    select
        app,
        station_id,
        arg_max(location_id, (session_date, charging_session_key)) as location_id,
        arg_max(region, (session_date, charging_session_key)) as region,
        min(session_date) as first_day
    from charging_sessions
    group by all
),

starts as (
    select
        app,
        station_id,
        session_date as day,
        count(started_at) as started_sessions
    from charging_sessions
    group by all
),

charges as (
    select
        *,
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
        greatest(started_at, occupied_until_at) as from_at,
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

occupied_days as (
    select
        app,
        station_id,
        day,
        sum(
            epoch_us(least(until_at, {{ utc_timestamp('cast(day + 1 as timestamp)') }}))
            - epoch_us(greatest(from_at, {{ utc_timestamp('cast(day as timestamp)') }}))
        ) as occupied_us
    from stretch_days
    group by all
),

-- a station is there from its first session's day to the end of its app's data
station_days as (
    select
        stations.* exclude (first_day),
        days.day,
        coalesce(starts.started_sessions, 0) as started_sessions,
        cast(coalesce(occupied_days.occupied_us, 0) as bigint) as occupied_us,
        epoch_us(least(clocks.last_event_at, {{ utc_timestamp('cast(days.day + 1 as timestamp)') }}))
        - epoch_us({{ utc_timestamp('cast(days.day as timestamp)') }}) as station_us
    from stations
    inner join {{ ref('int_data_clocks') }} as clocks using (app)
    inner join {{ ref('int_period_days') }} as days
        on days.period = 'day' and days.day between stations.first_day and clocks.last_date
    left join starts using (app, station_id, day)
    left join occupied_days using (app, station_id, day)
)

select * from station_days
