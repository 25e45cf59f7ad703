with

segment_sessions as (
    select
        unnest(
            {{ standard_segments({'app': 'app', 'region': "coalesce(region, 'unknown')", 'hub': "hub_of(app, location_id)"}) }},
            recursive := true
        ),
        session_date as day,
        incentive_window
    from {{ ref('fct_charging_sessions') }}
    inner join {{ ref('int_green_sessions') }} using (charging_session_key)
),

counts as (
    select
        segment,
        segment_value,
        period,
        period_start,
        incentive_window,
        count(*) as green_sessions
    from segment_sessions
    inner join {{ ref('int_period_days') }} using (day)
    group by all
),

windows as (
    select incentive_window from {{ ref('incentive_windows') }}
    union
    select 'any' as incentive_window
),

green_hour_utilization as (
    select
        period,
        period_start,
        segment,
        segment_value,
        incentive_window,
        funnel.started_sessions,
        coalesce(counts.green_sessions, 0) as green_sessions,
        coalesce(counts.green_sessions, 0) / nullif(funnel.started_sessions, 0) as green_hour_utilization,
        funnel.is_complete
    from {{ ref('fct_charging_funnel') }} as funnel
    cross join windows
    left join counts using (period, period_start, segment, segment_value, incentive_window)
)

select * from green_hour_utilization
