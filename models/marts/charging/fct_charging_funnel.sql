with

charging_sessions as (select * from {{ ref('fct_charging_sessions') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

calendar as (
    {{ calendar_of('clocks') }}
),

segment_sessions as (
    select
        unnest(
            {{ standard_segments({'app': 'app', 'region': "coalesce(region, 'unknown')", 'hub': hub_of('app', 'location_id')}) }},
            recursive := true
        ),
        session_date as day,
        charging_sessions.* exclude (session_date)
    from charging_sessions
),

period_sessions as (
    {{ in_every_period('segment_sessions', ['*']) | indent(4) }}
),

counts as (
    select
        segment,
        segment_value,
        period,
        period_start,
        count(case when starts > 0 then 1 end) as started_sessions,
        count(case when is_completed then 1 end) as completed_sessions,
        count(case when is_credited then 1 end) as credited_sessions,
        count(distinct case when starts > 0 then person_id end) as unique_users,
        count(case when starts > 0 and person_id is not null then 1 end) as sessions_of_users,
        sum(energy_kwh) as energy_kwh,
        sum(case when is_completed then epoch_us(stopped_at) - epoch_us(started_at) end) as completed_us,
        sum(case when is_credited then reward_cents end) as reward_cents,
        count(case when outcome = 'never_stopped' then 1 end) as never_stopped_sessions,
        count(case when outcome = 'stop_before_start' then 1 end) as stop_before_start_sessions,
        count(case when outcome = 'stop_without_start' then 1 end) as stop_without_start_sessions,
        count(case when stops > 1 then 1 end) as stopped_twice_sessions,
        count(case when credits > 1 then 1 end) as credited_twice_sessions,
        count(case when credits > 0 and stopped_at is null then 1 end) as credited_without_stop_sessions,
        count(energy_fault) as faulty_energy_sessions
    from period_sessions
    group by segment, segment_value, period, period_start
),

segment_spans as (
    select
        segment,
        segment_value,
        -- a hub is its app's, and goes by its clock
        case when segment = 'app' or (segment = 'hub' and segment_value != 'unknown') then any_value(app) end as app,
        min(day) as first_day
    from segment_sessions
    group by segment, segment_value
),

-- from the first session of a segment to the end of the data, so that a silent period is a zero and not a hole
segment_periods as (
    select
        segment_spans.segment,
        segment_spans.segment_value,
        calendar.period,
        calendar.period_start,
        calendar.next_period_start + to_days({{ setting('charging_settle_days') }}) <= clocks.known_until as is_complete
    from segment_spans
    inner join clocks
        on segment_spans.app is not distinct from clocks.app
    inner join calendar
        on calendar.next_period_start > segment_spans.first_day and calendar.period_start <= clocks.last_date
),

charging_funnel as (
    select
        segment_periods.period,
        segment_periods.period_start,
        segment_periods.segment,
        segment_periods.segment_value,
        coalesce(counts.started_sessions, 0) as started_sessions,
        coalesce(counts.completed_sessions, 0) as completed_sessions,
        coalesce(counts.credited_sessions, 0) as credited_sessions,
        counts.completed_sessions / nullif(counts.started_sessions, 0) as completion_rate,
        counts.credited_sessions / nullif(counts.completed_sessions, 0) as credit_rate,
        coalesce(counts.unique_users, 0) as unique_users,
        counts.sessions_of_users / nullif(counts.unique_users, 0) as sessions_per_user,
        cast(coalesce(counts.energy_kwh, 0) as double) as energy_kwh,
        cast(counts.completed_us as double) / 3600000000 / nullif(counts.completed_sessions, 0) as mean_hours,
        cast(coalesce(counts.reward_cents, 0) as bigint) as reward_cents,
        cast(counts.reward_cents as double) / nullif(counts.credited_sessions, 0) as mean_reward_cents,
        coalesce(counts.never_stopped_sessions, 0) as never_stopped_sessions,
        coalesce(counts.stop_before_start_sessions, 0) as stop_before_start_sessions,
        coalesce(counts.stop_without_start_sessions, 0) as stop_without_start_sessions,
        coalesce(counts.stopped_twice_sessions, 0) as stopped_twice_sessions,
        coalesce(counts.credited_twice_sessions, 0) as credited_twice_sessions,
        coalesce(counts.credited_without_stop_sessions, 0) as credited_without_stop_sessions,
        coalesce(counts.faulty_energy_sessions, 0) as faulty_energy_sessions,
        segment_periods.is_complete
    from segment_periods
    left join counts
        on
            segment_periods.segment = counts.segment
            and segment_periods.segment_value = counts.segment_value
            and segment_periods.period = counts.period
            and segment_periods.period_start = counts.period_start
)

select * from charging_funnel
