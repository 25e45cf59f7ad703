{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook=['{{ mark_processed() }}', '{{ keep_session_days() }}'],
) }}
-- depends_on: {{ ref('paths') }}

with

sessions as (
    select
        *,
        row_number() over () as session_number
    from {{ ref('int_sessions') }}
    where {{ is_of_changed_session_days() }}
),

events as (
    select * from {{ ref('stg_events') }}
    where
        {{ is_on_a_path(configured('paths')) }}
        and {{ is_of_days(
            'select distinct unnest(generate_series(cast(started_at as date), cast(ended_at as date), interval 1 day))::date from '
            ~ ref('int_sessions') ~ ' where ' ~ is_of_changed_session_days()
        ) }}
),

-- an event finds its session by stream and day: a session lies on few days, and few sessions of a stream on one
session_days as (
    select
        session_number,
        session_date,
        identity_key,
        stream_id,
        coalesce(client_session_id, '') as lane,
        started_at,
        ended_at,
        cast(unnest(generate_series(cast(started_at as date), cast(ended_at as date), interval 1 day)) as date) as day
    from sessions
),

session_events as (
    select
        session_days.session_date,
        session_days.identity_key,
        session_days.session_number as unit,
        epoch_us(events.occurred_at) as at_us,
        events.event_id,
        events.app,
        events.event_name,
        case when events.is_page_view then page_name(events.page_url, {{ kept_parameters() }}) end as page,
        events.is_activity
    from events
    inner join session_days
        on
            {{ session_stream(setting('trust_client_sessions'), setting('client_session_scope'), 'events.') | indent(12) }} = session_days.stream_id
            and cast(events.occurred_at as date) = session_days.day
            and case when {{ setting('trust_client_sessions') }} then coalesce(events.session_id, '') else '' end = session_days.lane
            and events.occurred_at >= session_days.started_at
            and events.occurred_at <= session_days.ended_at
),

session_items as (
    {{ items_of_paths('session_events', configured('paths')) }}
),

links as (
    {{ path_links('session_items', dropoff=true, of_unit=['path', 'session_date', 'identity_key']) }}
),

counted_links as (
    {{ paths('links', ['path', 'session_date'], gathered='identity_key') }}
),

paths as (
    select
        path,
        session_date,
        cast(step as integer) as step,
        source,
        target,
        paths as sessions,
        avg_seconds,
        median_seconds,
        gathered as identity_keys,
        hash(path, step, source, target, paths, avg_seconds, median_seconds, gathered) as fingerprint
    from counted_links
    where {{ is_within_steps(configured('paths')) }}
)

select * from paths
{{ replaced_rows(is_of_changed_session_days()) }}
