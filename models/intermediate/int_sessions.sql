{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook=['{{ insert_other_buckets() }}', '{{ mark_processed() }}'],
) }}

{%- set timeout_seconds = setting('session_timeout_seconds') -%}
{%- set batches = unseen_batches('int_sessions') -%}

{#- with trusted client sessions a stream has lanes that gaps do not cut; otherwise there is one lane, '' -#}
{%- set lane = "coalesce(session_id, '')" if setting('trust_client_sessions') else "''" -%}

{#-
    A new or superseded event can only change the sessions of its lane that are within one timeout of it. What is touched is kept by
    the aligned bin, as wide as the timeout: whatever lies between two moments of a bin is within one timeout of both.
-#}
{% set changes %}
touched as materialized (

    select
        stream_id,
        {{ lane }} as lane,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min(occurred_at) filter (where is_current) as first_current_at,
        max(occurred_at) filter (where is_current) as last_current_at

    from ({{ touched_moments(batches) }}) as moments

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

affected_spans as materialized (

    select stream_id, lane, started_at, ended_at from affected_sessions
    union all
    select stream_id, lane, first_current_at, last_current_at from touched where first_current_at is not null

),
{% endset %}

{%- set affected_dates -%}
with

{{ changes }}

affected_dates as (

    select unnest(generate_series(cast(started_at as date), cast(ended_at as date), interval 1 day))::date as event_date from affected_spans

)

select distinct event_date from affected_dates
{%- endset -%}

with

{% if is_incremental() %}
{{ changes }}
{% endif %}

events as (

    select * from {{ ref('stg_events') }} as staged_events

    {% if is_incremental() %}
    semi join affected_spans as spans
        on
            staged_events.stream_id = spans.stream_id
            and {{ lane }} = spans.lane
            and staged_events.occurred_at >= spans.started_at
            and staged_events.occurred_at <= spans.ended_at

    where staged_events.event_date in {{ dates_in(affected_dates) }}
    {% else %}
    where {{ in_first_bucket('stream_id') }}
    {% endif %}

),

sessions as (

    {{ sessionize(
        'events',
        timeout_seconds,
        none if setting('session_max_hours') is none else setting('session_max_hours') * 3600,
        setting('trust_client_sessions'),
        setting('bounce_max_seconds'),
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
        {{ identity_key() | indent(8) }} as identity_key,
        {{ local_date('started_at') }} as session_date

    from sessions_with_traffic

)

select * from sessions_to_keep
{% if is_incremental() %}
union all by name
select replaced_rowid from affected_sessions
{% endif %}
