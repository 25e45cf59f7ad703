with

visits as (
    select
        true as is_own,
        identities.person_id,
        sessions.session_id,
        sessions.channel,
        sessions.traffic_source,
        sessions.traffic_medium,
        sessions.utm_campaign,
        sessions.entry_page,
        sessions.started_at
    from {{ ref('int_sessions') }} as sessions
    inner join {{ ref('int_identities') }} as identities using (identity_key)
    where sessions.is_visit
    union all
    select
        false as is_own,
        *
    from {{ ref('int_early_visits') }}
),

first_visits as (
    select
        person_id,
        arg_min(
            struct_pack(
                channel := channel,
                traffic_source := traffic_source,
                traffic_medium := traffic_medium,
                utm_campaign := utm_campaign,
                entry_page := entry_page
            ),
            (started_at, not is_own, session_id)
        ) as visit
    from visits
    group by person_id
),

-- who never came in a visit came directly, as attribution has it
person_origins as (
    select
        person_id,
        persons.sessions,
        coalesce(visit['channel'], 'Direct') as channel,
        coalesce(visit['traffic_source'], '(direct)') as traffic_source,
        coalesce(visit['traffic_medium'], '(none)') as traffic_medium,
        visit['utm_campaign'] as utm_campaign,
        visit['entry_page'] as entry_page,
        persons.country,
        persons.device_type,
        persons.app
    from {{ ref('int_person_starts') }} as persons
    left join first_visits using (person_id)
)

select * from person_origins
