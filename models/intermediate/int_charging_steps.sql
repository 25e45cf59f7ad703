with

-- at one moment a session starts before it stops, and stops before it is credited
steps as (
    select
        charging_events.* exclude (identity_key, currency, amount_cents, unreadable_properties),
        identities.person_id,
        credits.reward_cents,
        credits.fault,
        case charging_events.step when 'start' then 1 when 'stop' then 2 else 3 end as step_order,
        charging_events.step = 'start' and identities.person_id is not null as is_claim
    from {{ ref('int_charging_events') }} as charging_events
    left join {{ ref('int_charging_credits') }} as credits using (app, event_id, event_date)
    left join {{ ref('int_identities') }} as identities using (identity_key)
),

-- an id is its driver's: of who starts with it, and where nobody known does, of whoever has it
steps_with_claims as (
    select
        *,
        row_number() over (partition by app, charging_session_id order by occurred_at, step_order, event_id, event_date) as place,
        case
            when
                bool_or(is_claim) over (partition by app, charging_session_id, person_id)
                or not bool_or(is_claim) over (partition by app, charging_session_id)
                then person_id
        end as claimed_by
    from steps
),

-- what others and nobody send with an id is of the driver who had it last, else next; without an id, steps pair at a station
steps_with_drivers as (
    select
        *,
        case
            when charging_session_id is null then person_id
            else coalesce(last_value(claimed_by ignore nulls) over up_to_here, first_value(claimed_by ignore nulls) over from_here)
        end as driver_id,
        case when charging_session_id is null then station_id end as paired_at
    from steps_with_claims
    window
        up_to_here as (partition by app, charging_session_id order by place),
        from_here as (partition by app, charging_session_id order by place rows between current row and unbounded following)
),

steps_in_order as (
    select
        *,
        row_number() over up_to_here = 1 as is_first,
        count(case when step = 'start' then 1 end) over up_to_here as starts,
        count(case when step = 'stop' then 1 end) over up_to_here as stops,
        last_value(case when step != 'credit' then step end ignore nulls) over before_here as previous_step
    from steps_with_drivers
    window
        up_to_here as (partition by app, charging_session_id, driver_id, paired_at order by place),
        before_here as (up_to_here rows between unbounded preceding and 1 preceding)
),

-- with an id the driver's first step begins a session, and so does a start after a session was started and stopped: the id is used again;
-- without one a start does, so does a stop before any start, and a credit before both; of nobody, each event
steps_with_beginnings as (
    select
        *,
        case
            when charging_session_id is not null then is_first or (step = 'start' and starts > 1 and previous_step = 'stop')
            else person_id is null or step = 'start' or (starts = 0 and (step = 'stop' or stops = 0))
        end as is_beginning
    from steps_in_order
),

-- the first session of an id, the second …
numbered_steps as (
    select
        *,
        count(case when is_beginning then 1 end) over (partition by app, charging_session_id order by place) as session_number
    from steps_with_beginnings
),

paired_steps as (
    select
        * exclude (
            is_claim, place, claimed_by, driver_id, paired_at, is_first, starts, stops, previous_step, is_beginning, session_number
        ),
        last_value(
            case
                when not is_beginning then null
                when charging_session_id is null then md5('event:' || length(app) || ':' || app || event_date || event_id)
                when session_number = 1 then md5('session:' || length(app) || ':' || app || charging_session_id)
                else md5('session ' || session_number || ':' || length(app) || ':' || app || charging_session_id)
            end
            ignore nulls
        ) over (partition by app, charging_session_id, driver_id, paired_at order by place) as charging_session_key
    from numbered_steps
)

select * from paired_steps
