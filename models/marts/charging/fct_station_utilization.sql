with

station_periods as (
    select
        period,
        period_start,
        app,
        location_id,
        region,
        station_id,
        cast(sum(started_sessions) as bigint) as started_sessions,
        cast(sum(occupied_us) as bigint) as occupied_us,
        cast(sum(station_us) as bigint) as station_us
    from {{ ref('int_station_days') }}
    inner join {{ ref('int_period_days') }} using (day)
    group by all
),

station_utilization as (
    select
        station_periods.*,
        station_periods.occupied_us / 3600000000 as occupied_hours,
        station_periods.station_us / 3600000000 as station_hours,
        station_periods.occupied_us / nullif(station_periods.station_us, 0) as utilization,
        periods.period_end + to_days({{ setting('charging_settle_days') }}) <= periods.known_until as is_complete
    from station_periods
    inner join {{ ref('int_clock_periods') }} as periods
        on
            station_periods.app = periods.clock
            and station_periods.period = periods.period
            and station_periods.period_start = periods.period_start
)

select * from station_utilization
