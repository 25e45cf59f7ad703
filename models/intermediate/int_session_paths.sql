{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook=['{{ mark_processed() }}', '{{ keep_session_days() }}'],
) }}
-- depends_on: {{ ref('paths') }}

{%- set named_paths = configured_paths() -%}
{%- set changed_days = changed_session_days('int_session_paths') if is_incremental() else '' -%}
{%- set lane = "coalesce(events.session_id, '')" if setting('trust_client_sessions') else "''" %}

with

sessions as (

    select
        *,
        row_number() over () as session_number

    from {{ ref('int_sessions') }}

    {% if is_incremental() %}
    where session_date in {{ changed_days }}
    {% endif %}

),

events as (

    select * from {{ ref('stg_events') }}

    where
        {{ is_on_a_path(named_paths) }}
        {% if is_incremental() %}
        and event_date in {{ dates_in(
            'select distinct unnest(generate_series(cast(started_at as date), cast(ended_at as date), interval 1 day))::date from '
            ~ ref('int_sessions') ~ ' where session_date in ' ~ changed_days
        ) }}
        {% endif %}

),

-- the session of an event is the last one of its stream that had begun
session_events as (

    select
        sessions.session_date,
        sessions.session_number as unit,
        epoch_us(events.occurred_at) as at_us,
        events.event_id,
        events.app,
        events.event_name,
        case when events.is_page_view then {{ page_of('events.page_url') }} end as page,
        events.is_activity

    from events

    asof join sessions
        on
            events.stream_id = sessions.stream_id
            and {{ lane }} = coalesce(sessions.client_session_id, '')
            and events.occurred_at >= sessions.started_at

    where events.occurred_at <= sessions.ended_at

),

session_items as (

    {{ items_of_paths('session_events', named_paths) }}

),

links as (

    {{ path_links('session_items', dropoff=true, by=['path', 'session_date']) }}

),

counted_links as (

    {{ paths('links', ['path', 'session_date']) }}

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
        median_seconds

    from counted_links

    where {{ is_within_steps(named_paths) }}

)

select * from paths
{% if is_incremental() %}
union all by name
select rowid as replaced_rowid
from {{ this }}
where session_date in {{ changed_days }}
{% endif %}
