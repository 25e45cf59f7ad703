-- A failing row is a station whose occupied time, added up over days, weeks or months, is not the time between its sessions' ends in which any runs.
with

station_utilization as (select * from {{ ref('fct_station_utilization') }}),

charging_sessions as (
    select * from {{ ref('fct_charging_sessions') }}
    where is_completed and station_id is not null
),

ends as (
    select
        app,
        station_id,
        started_at as turned_at,
        1 as change
    from charging_sessions
    union all
    select
        app,
        station_id,
        stopped_at as turned_at,
        -1 as change
    from charging_sessions
),

moments as (
    select
        app,
        station_id,
        turned_at,
        sum(change) as change
    from ends
    group by app, station_id, turned_at
),

stretches as (
    select
        app,
        station_id,
        sum(change) over (partition by app, station_id order by turned_at) as running_sessions,
        epoch_us(lead(turned_at) over (partition by app, station_id order by turned_at)) - epoch_us(turned_at) as stretch_us
    from moments
),

swept as (
    select
        app,
        station_id,
        sum(case when running_sessions > 0 then stretch_us end) as occupied_us
    from stretches
    group by app, station_id
),

reported as (
    select
        app,
        station_id,
        period,
        sum(occupied_us) as occupied_us
    from station_utilization
    group by app, station_id, period
)

select *

from reported

left join swept
    on reported.app = swept.app and reported.station_id = swept.station_id

where reported.occupied_us != coalesce(swept.occupied_us, 0)
