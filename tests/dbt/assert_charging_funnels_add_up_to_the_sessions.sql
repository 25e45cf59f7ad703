-- A failing row is a segment and kind of period over which the funnel's sessions or energy are not those of fct_charging_sessions.
with

charging_funnel as (select * from {{ ref('fct_charging_funnel') }}),

charging_sessions as (select * from {{ ref('fct_charging_sessions') }}),

session_totals as (
    select
        count(started_at) as started_sessions,
        count(case when is_completed then 1 end) as completed_sessions,
        count(case when is_credited then 1 end) as credited_sessions,
        coalesce(sum(energy_kwh), 0) as energy_kwh
    from charging_sessions
),

period_totals as (
    select
        segment,
        period,
        sum(started_sessions) as started_sessions,
        sum(completed_sessions) as completed_sessions,
        sum(credited_sessions) as credited_sessions,
        sum(energy_kwh) as energy_kwh
    from charging_funnel
    group by segment, period
)

select *

from period_totals

cross join session_totals

where
    period_totals.started_sessions != session_totals.started_sessions
    or period_totals.completed_sessions != session_totals.completed_sessions
    or period_totals.credited_sessions != session_totals.credited_sessions
    or abs(period_totals.energy_kwh - session_totals.energy_kwh) > 0.000001 * session_totals.energy_kwh
