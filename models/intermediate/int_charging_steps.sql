{%- set before -%}
    over (
            partition by app, charging_session_id, person_id, station_id
            order by occurred_at, step_order, event_id, event_date
            rows between unbounded preceding and current row
        )
{%- endset %}

with

charging_events as (

    select * from {{ ref('int_charging_events') }}

),

credits as (

    select * from {{ ref('int_charging_credits') }}

),

identities as (

    select * from {{ ref('int_identities') }}

),

-- at one moment a session starts before it stops, and stops before it is credited
steps as (

    select
        charging_events.* exclude (identity_key, currency, amount_cents, unreadable_properties),
        identities.person_id,
        credits.reward_cents,
        credits.fault,
        case charging_events.step when 'start' then 1 when 'stop' then 2 else 3 end as step_order

    from charging_events

    left join identities
        on charging_events.identity_key = identities.identity_key

    left join credits
        on
            charging_events.app = credits.app
            and charging_events.event_id = credits.event_id
            and charging_events.event_date = credits.event_date

),

-- without an id a start begins a session; so does a stop before any start, and a credit before both; of nobody, each event
steps_with_beginnings as (

    select
        *,
        person_id is null
        or step = 'start'
        or count(case when step = 'start' then 1 end) {{ before }} = 0
        and (step = 'stop' or count(case when step = 'stop' then 1 end) {{ before }} = 0) as is_beginning

    from steps

),

paired_steps as (

    select
        * exclude (is_beginning),
        case
            when charging_session_id is not null then md5('session:' || length(app) || ':' || app || charging_session_id)
            else last_value(case when is_beginning then md5('event:' || length(app) || ':' || app || event_date || event_id) end ignore nulls) {{ before }}
        end as charging_session_key

    from steps_with_beginnings

)

select * from paired_steps
