with

sessions as not materialized (select * from {{ ref('int_sessions') }}),

identities as (select * from {{ ref('int_identities') }}),

person_days as not materialized (select * from {{ ref('int_person_days') }}),

stream_days as not materialized (select * from {{ ref('int_stream_days') }}),

-- what their own events say, whomever the sessions belong to in which these happened
persons as (
    select
        person_id,
        min(first_event_at) as first_seen_at,
        arg_min(app, (first_event_at, app)) as app,
        arg_min(country, (first_event_at, country)) filter (where country != 'unknown') as country,
        arg_min(device_type, (first_event_at, device_type)) filter (where device_type != 'unknown') as device_type
    from person_days
    group by person_id
),

persons_with_sessions as (
    select
        persons.person_id,
        any_value(persons.first_seen_at) as first_seen_at,
        any_value(persons.app) as app,
        any_value(persons.country) as country,
        any_value(persons.device_type) as device_type,
        count(sessions.session_id) as sessions,
        coalesce(min(case when sessions.is_visit then sessions.started_at end), timestamp 'infinity') as first_visit_at
    from persons
    left join identities
        on persons.person_id = identities.person_id
    left join sessions
        on identities.identity_key = sessions.identity_key
    group by persons.person_id
),

-- who was there before their first own visit may have come in one that belongs to another person of the device
early_days as (
    select
        persons_with_sessions.person_id,
        stream_days.stream_id,
        stream_days.identity_key,
        stream_days.activity_date
    from persons_with_sessions
    inner join identities
        on persons_with_sessions.person_id = identities.person_id
    inner join stream_days
        on identities.identity_key = stream_days.identity_key
    where
        persons_with_sessions.first_seen_at < persons_with_sessions.first_visit_at
        and stream_days.first_event_at < persons_with_sessions.first_visit_at
),

shared_streams as (
    select stream_days.stream_id
    from stream_days
    inner join identities
        on stream_days.identity_key = identities.identity_key
    where stream_days.stream_id in (select stream_id from early_days)
    group by stream_days.stream_id
    having min(identities.person_id) != max(identities.person_id)
),

early_dates as (
    select distinct
        person_id,
        stream_id,
        identity_key,
        -- a local day reaches into the UTC days beside it
        cast(unnest(generate_series(activity_date - 1, activity_date + 1, interval 1 day)) as date) as event_date
    from early_days
    where stream_id in (select stream_id from shared_streams)
),

-- their own events on such a device, cut to sessions as if nobody else had used it
early_events as (
    select
        early_dates.person_id,
        events.* replace (hash(events.stream_id, events.identity_key) as stream_id)
    from {{ ref('stg_events') }} as events
    inner join early_dates
        on
            events.stream_id = early_dates.stream_id
            and events.event_date = early_dates.event_date
            and events.identity_key = early_dates.identity_key
),

parts_of_sessions as (
    {{ sessionize(
        'early_events',
        setting('session_timeout_seconds'),
        none if setting('session_max_hours') is none else setting('session_max_hours') * 3600,
        setting('trust_client_sessions'),
        setting('bounce_max_seconds'),
        client_session_scope='device',
    ) | indent(4) }}
),

parts_with_traffic as (
    {{ with_traffic('parts_of_sessions', ref('traffic_sources')) | indent(4) }}
),

persons_of_parts as (
    select distinct
        person_id,
        stream_id
    from early_events
),

visits as (
    select
        identities.person_id,
        sessions.started_at,
        true as is_own,
        sessions.session_id,
        sessions.channel,
        sessions.traffic_source,
        sessions.traffic_medium,
        sessions.utm_campaign,
        sessions.entry_page
    from sessions
    inner join identities
        on sessions.identity_key = identities.identity_key
    where sessions.is_visit
    union all
    select
        persons_of_parts.person_id,
        parts_with_traffic.started_at,
        false as is_own,
        parts_with_traffic.session_id,
        parts_with_traffic.channel,
        parts_with_traffic.traffic_source,
        parts_with_traffic.traffic_medium,
        parts_with_traffic.utm_campaign,
        parts_with_traffic.entry_page
    from parts_with_traffic
    inner join persons_of_parts
        on parts_with_traffic.stream_id = persons_of_parts.stream_id
    where parts_with_traffic.is_visit
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
        persons.person_id,
        persons.sessions,
        coalesce(first_visits.visit.channel, 'Direct') as channel,
        coalesce(first_visits.visit.traffic_source, '(direct)') as traffic_source,
        coalesce(first_visits.visit.traffic_medium, '(none)') as traffic_medium,
        first_visits.visit.utm_campaign as utm_campaign,
        first_visits.visit.entry_page as entry_page,
        persons.country,
        persons.device_type,
        persons.app
    from persons_with_sessions as persons
    left join first_visits
        on persons.person_id = first_visits.person_id
)

select * from person_origins
