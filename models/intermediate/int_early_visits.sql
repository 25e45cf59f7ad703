with

-- who was there before their first own visit may have come in one that belongs to another person of the device
early_days as (
    select
        starts.person_id,
        stream_days.stream_id,
        identities.identity_key,
        stream_days.activity_date
    from {{ ref('int_person_starts') }} as starts
    inner join {{ ref('int_identities') }} as identities using (person_id)
    inner join {{ ref('int_stream_days') }} as stream_days using (identity_key)
    where
        starts.first_seen_at < coalesce(starts.first_visit_at, 'infinity')
        and stream_days.first_event_at < coalesce(starts.first_visit_at, 'infinity')
),

shared_streams as (
    select stream_days.stream_id
    from {{ ref('int_stream_days') }} as stream_days
    inner join {{ ref('int_identities') }} as identities using (identity_key)
    where stream_days.stream_id in (select stream_id from early_days)
    group by all
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
    inner join early_dates using (stream_id, event_date, identity_key)
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

persons as (
    select distinct
        person_id,
        stream_id
    from early_events
),

early_visits as (
    select
        persons.person_id,
        parts.session_id,
        parts.channel,
        parts.traffic_source,
        parts.traffic_medium,
        parts.utm_campaign,
        parts.entry_page,
        parts.started_at
    from parts_with_traffic as parts
    inner join persons using (stream_id)
    where parts.is_visit
)

select * from early_visits
