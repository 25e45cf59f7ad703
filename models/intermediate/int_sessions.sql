{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook=['{{ insert_other_buckets() }}', '{{ mark_processed() }}'],
) }}

{%- set timeout_seconds = setting('session_timeout_seconds') -%}
{%- set batches = unseen_batches('int_sessions') -%}

{#- with trusted client sessions a stream has lanes that gaps do not cut; otherwise there is one lane, '' -#}
{%- set lane = "coalesce(session_id, '')" if setting('trust_client_sessions') else "''" -%}
{%- set stream = session_stream(setting('trust_client_sessions'), setting('client_session_scope')) -%}

{#-
    A new or superseded event can only change the sessions of its lane that are within one timeout of it. What is touched is kept by
    the aligned bin, as wide as the timeout: whatever lies between two moments of a bin is within one timeout of both.
-#}
{% set changes %}
touched_lanes as (
    select
        {{ stream | indent(8) }} as stream_id,
        {{ lane }} as lane,
        occurred_at,
        is_current
    from ({{ touched_moments(batches) }}) as moments
),

touched as materialized (
    select
        stream_id,
        lane,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min(occurred_at) filter (where is_current) as first_current_at,
        max(occurred_at) filter (where is_current) as last_current_at
    from touched_lanes
    group by stream_id, lane, {{ aligned_bin('occurred_at', timeout_seconds * 1000000) }}
),

affected_sessions as materialized (
    select distinct
        sessions.rowid as replaced_rowid,
        sessions.stream_id,
        touched.lane,
        sessions.started_at,
        sessions.ended_at
    from {{ this }} as sessions
    inner join touched
        on
            sessions.stream_id = touched.stream_id
            and coalesce(sessions.client_session_id, '') = touched.lane
            and (
                touched.lane != ''
                or (
                    touched.last_at >= sessions.chain_started_at - to_seconds({{ timeout_seconds }})
                    and touched.first_at <= sessions.chain_ended_at + to_seconds({{ timeout_seconds }})
                )
            )
),

-- a lane that gaps do not cut is one span
affected_spans as materialized (
    select
        stream_id,
        lane,
        min(started_at) as started_at,
        max(ended_at) as ended_at
    from (
        select stream_id, lane, started_at, ended_at from affected_sessions
        union all
        select stream_id, lane, first_current_at, last_current_at from touched where first_current_at is not null
    ) as spans
    group by stream_id, lane, case when lane = '' then (started_at, ended_at) end
),
{% endset %}

{%- set affected_dates -%}
with

{{ changes }}

affected_dates as (
    select
        unnest(generate_series(
            cast(started_at as date), cast(ended_at + to_seconds({{ timeout_seconds }}) as date), interval 1 day
        ))::date as event_date
    from affected_spans
)

select distinct event_date from affected_dates
{%- endset -%}

with

{% if is_incremental() %}
{{ changes }}
{% endif %}

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
        content_hash
    from {{ ref('stg_events') }} as staged_events
    {% if is_incremental() %}
    -- a passive event after the last other one may belong to its session now
    semi join affected_spans as spans
        on
            {{ session_stream(setting('trust_client_sessions'), setting('client_session_scope'), 'staged_events.') | indent(12) }} = spans.stream_id
            and {{ lane }} = spans.lane
            and staged_events.occurred_at >= spans.started_at
            and case
                when staged_events.is_passive then staged_events.occurred_at - to_seconds({{ timeout_seconds }})
                else staged_events.occurred_at
            end <= spans.ended_at
    where staged_events.event_date in {{ event_dates_in(affected_dates) }}
    {% else %}
    where {{ in_first_bucket(stream) }}
    {% endif %}
),

sessions as (
    {{ sessionize(
        'events',
        timeout_seconds,
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
        {% if setting('session_max_hours') is none %}
        content_hash as fingerprint,
        {% else %}
        -- a chain can grow while some of its sessions stay as they are
        xor(content_hash, {{ stable_key("concat_ws('-', epoch_us(chain_started_at), epoch_us(chain_ended_at))") }}) as fingerprint,
        {% endif %}
        {{ identity_key_of_ids() | indent(8) }} as identity_key,
        {{ local_date('started_at') }} as session_date
    from sessions_with_traffic
)

select * from sessions_to_keep
{% if is_incremental() %}
union all by name
select replaced_rowid from affected_sessions
{% endif %}
