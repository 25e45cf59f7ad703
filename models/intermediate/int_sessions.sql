{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook=['{{ insert_other_buckets() }}', '{{ mark_processed() }}'],
) }}

with

{{ session_changes() if is_incremental() }}

affected_events as not materialized (
    select staged_events.*
    from {{ ref('stg_events') }} as staged_events
    -- a passive event after the last other one may belong to its session now
    semi join affected_spans as spans
        on
            {{ session_stream(setting('trust_client_sessions'), setting('client_session_scope'), 'staged_events.') | indent(12) }} = spans.stream_id
            and case when {{ setting('trust_client_sessions') }} then coalesce(staged_events.session_id, '') else '' end = spans.lane
            and staged_events.occurred_at >= spans.started_at
            and case
                when staged_events.is_passive then staged_events.occurred_at - to_seconds({{ setting('session_timeout_seconds') }})
                else staged_events.occurred_at
            end <= spans.ended_at
    where {{ is_of_days(days_of_session_changes()) }}
),

-- read once where few are looked for, and column by column where all are
events as {{ 'materialized' if is_incremental() else 'not materialized' }} (
    select
        stream_id,
        session_id,
        event_id,
        occurred_at,
        user_id,
        anonymous_id,
        account_id,
        app,
        page_url,
        referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        utm_content,
        country,
        device_type,
        os,
        browser,
        is_activity,
        is_page_view,
        is_interaction,
        is_passive,
        is_bot,
        content_hash
    from {{ 'affected_events' if is_incremental() else ref('stg_events') }}
    where {{ in_first_bucket(session_stream(setting('trust_client_sessions'), setting('client_session_scope'))) }}
),

sessions as (
    {{ sessionize(
        'events',
        setting('session_timeout_seconds'),
        none if setting('session_max_hours') is none else setting('session_max_hours') * 3600,
        setting('trust_client_sessions'),
        setting('bounce_max_seconds'),
        setting('client_session_scope'),
    ) | indent(4) }}
),

sessions_with_traffic as (
    {{ with_traffic('sessions', ref('traffic_sources')) | indent(4) }}
),

sessions_to_keep as (
    select
        *,
        -- a chain can grow while some of its sessions stay as they are
        xor(
            content_hash,
            case
                when {{ setting('session_max_hours') is none }} then cast(0 as ubigint)
                else stable_key(concat_ws('-', epoch_us(chain_started_at), epoch_us(chain_ended_at)))
            end
        ) as fingerprint,
        -- as identity_key() says it of an event; a session that spans devices is no row of one stream
        xor(
            stable_key(coalesce(user_id, anonymous_id)),
            xor(
                case when {{ setting('person_scope') == 'app' }} then hash(app) else cast(0 as ubigint) end,
                cast(user_id is not null as ubigint)
            )
        ) as identity_key,
        {{ local_date('started_at') }} as session_date
    from sessions_with_traffic
)

select * from sessions_to_keep
{{ replaced_rows('rowid in (select replaced_rowid from affected_sessions)') }}
