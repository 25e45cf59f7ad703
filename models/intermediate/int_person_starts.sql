with

-- what their own events say, whomever the sessions belong to in which these happened
persons as (
    select
        person_id,
        min(first_event_at) as first_seen_at,
        arg_min(app, (first_event_at, app)) as app,
        arg_min(country, (first_event_at, country)) filter (where country != 'unknown') as country,
        arg_min(device_type, (first_event_at, device_type)) filter (where device_type != 'unknown') as device_type
    from {{ ref('int_person_days') }}
    group by all
),

person_sessions as (
    select
        identities.person_id,
        count(*) as sessions,
        min(sessions.started_at) filter (where sessions.is_visit) as first_visit_at
    from {{ ref('int_sessions') }} as sessions
    inner join {{ ref('int_identities') }} as identities using (identity_key)
    group by all
),

person_starts as (
    select
        persons.*,
        person_sessions.first_visit_at,
        coalesce(person_sessions.sessions, 0) as sessions
    from persons
    left join person_sessions using (person_id)
)

select * from person_starts
