with

segment_sessions as (
    select
        unnest(
            {{ standard_segments({'app': 'app', 'region': "coalesce(region, 'unknown')", 'hub': "hub_of(app, location_id)"}) }},
            recursive := true
        ),
        session_date as day,
        *
    from {{ ref('fct_charging_sessions') }}
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
        completed_sessions / nullif(started_sessions, 0) as completion_rate,
        credited_sessions / nullif(completed_sessions, 0) as credit_rate,
        count(distinct case when starts > 0 then person_id end) as unique_users,
        count(case when starts > 0 and person_id is not null then 1 end) / nullif(unique_users, 0) as sessions_per_user,
        cast(coalesce(sum(segment_sessions.energy_kwh), 0) as double) as energy_kwh,
        cast(sum(case when is_completed then epoch_us(stopped_at) - epoch_us(started_at) end) as double)
        / 3600000000
        / nullif(completed_sessions, 0) as mean_hours,
        cast(coalesce(sum(case when is_credited then segment_sessions.reward_cents end), 0) as bigint) as reward_cents,
        sum(case when is_credited then segment_sessions.reward_cents end) / nullif(credited_sessions, 0) as mean_reward_cents,
        count(case when outcome = 'never_stopped' then 1 end) as never_stopped_sessions,
        count(case when outcome = 'stop_before_start' then 1 end) as stop_before_start_sessions,
        count(case when outcome = 'stop_without_start' then 1 end) as stop_without_start_sessions,
        count(case when stops > 1 then 1 end) as stopped_twice_sessions,
        count(case when credits > 1 then 1 end) as credited_twice_sessions,
        count(case when credits > 0 and stopped_at is null then 1 end) as credited_without_stop_sessions,
        count(energy_fault) as faulty_energy_sessions
    from segment_sessions
    inner join {{ ref('int_period_days') }} using (day)
    group by all
),

segments as (
    select
        segment,
        segment_value,
        -- a hub is its app's, and ends with its data
        case when segment = 'hub' and location_id is not null then app else clock end as clock,
        min(day) as first_day
    from segment_sessions
    group by all
),

-- from the first session of a segment on, so that a silent period is a zero and not a hole
segment_periods as (
    select
        segments.segment,
        segments.segment_value,
        periods.period,
        periods.period_start,
        periods.period_end + to_days({{ setting('charging_settle_days') }}) <= periods.known_until as is_complete
    from segments
    inner join {{ ref('int_clock_periods') }} as periods using (clock)
    where periods.period_end > segments.first_day
),

charging_funnel as (
    select
        segment_periods.*,
        coalesce(columns(counts.* exclude (
            segment, segment_value, period, period_start, completion_rate, credit_rate, sessions_per_user, mean_hours, mean_reward_cents
        )), 0),
        counts.completion_rate,
        counts.credit_rate,
        counts.sessions_per_user,
        counts.mean_hours,
        counts.mean_reward_cents
    from segment_periods
    left join counts using (segment, segment_value, period, period_start)
)

select * from charging_funnel
