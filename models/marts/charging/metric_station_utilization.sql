{{ config(meta={'card': {
    'title': 'Station utilization',
    'definition':
        'Hours in which charging stations were occupied by a completed session / hours in which they were there, from the first session of '
        'each to the end of the data.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Energy',
}}) }}

with

segment_stations as (
    select
        period,
        period_start,
        unnest(
            {{ standard_segments({'app': 'app', 'region': "coalesce(region, 'unknown')", 'hub': "hub_of(app, location_id)"}) }},
            recursive := true
        ),
        occupied_us,
        station_us
    from {{ ref('fct_station_utilization') }}
),

segment_hours as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(sum(occupied_us) as double) / nullif(sum(station_us), 0) as utilization
    from segment_stations
    group by period, period_start, segment, segment_value
),

-- the funnel's periods, so that one without a station is a null and not a hole
station_utilization as (
    select
        charging_funnel.period,
        charging_funnel.period_start,
        charging_funnel.segment,
        charging_funnel.segment_value,
        segment_hours.utilization as metric_value,
        charging_funnel.is_complete
    from {{ ref('fct_charging_funnel') }} as charging_funnel
    left join segment_hours
        on
            charging_funnel.period = segment_hours.period
            and charging_funnel.period_start = segment_hours.period_start
            and charging_funnel.segment = segment_hours.segment
            and charging_funnel.segment_value = segment_hours.segment_value
)

select * from station_utilization
