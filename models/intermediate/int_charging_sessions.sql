with

steps_with_start as (
    select
        *,
        (step_order, occurred_at, event_id, event_date) as place,
        min(case when step = 'start' then occurred_at end) over (partition by charging_session_key) as started_at
    from {{ ref('int_charging_steps') }}
),

-- a stop counts that does not lie before the start
steps_with_stop as (
    select
        *,
        min(case when step = 'stop' and started_at <= occurred_at is not false then occurred_at end)
            over (partition by charging_session_key) as stopped_at
    from steps_with_start
),

-- what is said of a session is said by its first event, in the order of its steps, that says it
gathered_sessions as (
    select
        charging_session_key,
        any_value(app) as app,
        any_value(charging_session_id) as charging_session_id,
        arg_min(person_id, place) as person_id,
        arg_min(station_id, place) as station_id,
        arg_min(location_id, place) as location_id,
        arg_min(region, place) as region,
        any_value(started_at) as started_at,
        any_value(stopped_at) as stopped_at,
        min(occurred_at) as first_event_at,
        count(case when step = 'start' then 1 end) as starts,
        count(case when step = 'stop' then 1 end) as stops,
        count(case when step = 'credit' then 1 end) as credits,
        arg_min(energy_kwh, (coalesce(occurred_at < stopped_at, false), place)) filter (where step = 'stop') as energy_kwh,
        arg_min(energy_fault, (coalesce(occurred_at < stopped_at, false), place)) filter (where step = 'stop') as energy_fault,
        cast(coalesce(sum(reward_cents), 0) as bigint) as reward_cents
    from steps_with_stop
    group by charging_session_key
),

charging_sessions as (
    select
        * exclude (first_event_at) replace (case when energy_kwh is null then energy_fault end as energy_fault),
        case
            when starts > 0 and stopped_at is not null then 'completed'
            when starts > 0 and stops > 0 then 'stop_before_start'
            when starts > 0 then 'never_stopped'
            when stops > 0 then 'stop_without_start'
            else 'credit_alone'
        end as outcome,
        (epoch_us(stopped_at) - epoch_us(started_at)) / 1000000 as duration_seconds,
        starts > 0 and stopped_at is not null as is_completed,
        starts > 0 and stopped_at is not null and credits > 0 as is_credited,
        {{ local_date('coalesce(started_at, stopped_at, first_event_at)') }} as session_date
    from gathered_sessions
)

select * from charging_sessions
