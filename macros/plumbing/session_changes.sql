{#-
    A new or superseded event can only change the sessions of its lane that are within one timeout of it. What is touched is kept by
    the bin, as wide as the timeout: whatever lies between two moments of a bin is within one timeout of both.
    The steps that say which sessions the unseen batches change, and in which spans of which lanes their events lie.
-#}
{% macro session_changes() -%}
touched_lanes as (
    select
        {{ session_stream(setting('trust_client_sessions'), setting('client_session_scope')) | indent(8) }} as stream_id,
        case when {{ setting('trust_client_sessions') }} then coalesce(session_id, '') else '' end as lane,
        occurred_at,
        is_current
    from ({{ touched_moments() }}) as moments
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
    group by stream_id, lane, time_bucket(to_seconds({{ setting('session_timeout_seconds') }}), occurred_at)
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
                    touched.last_at >= sessions.chain_started_at - to_seconds({{ setting('session_timeout_seconds') }})
                    and touched.first_at <= sessions.chain_ended_at + to_seconds({{ setting('session_timeout_seconds') }})
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
{%- endmacro %}

{#- The UTC days on which the events of those spans can have occurred, as a query. -#}
{% macro days_of_session_changes() -%}
with

{{ session_changes() }}

affected_dates as (
    select
        unnest(generate_series(
            cast(started_at as date), cast(ended_at + to_seconds({{ setting('session_timeout_seconds') }}) as date), interval 1 day
        ))::date as event_date
    from affected_spans
)

select distinct event_date from affected_dates
{%- endmacro %}
