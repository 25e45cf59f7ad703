-- A failing row is a device stream whose sessions do not add up to its days: an event that is not passive is in no session, in two, or in
-- one but not in the other. Counts are compared, and the exclusive or of the events' hashes. A client's session that spans devices is one
-- of its app, and so are then the sums.
{%- set part = 'app' if setting('trust_client_sessions') and setting('client_session_scope') == 'app' else 'stream_id' %}
with

session_events as (
    select
        {{ part }} as part,
        sum(events - passive_events) as events,
        sum(passive_events) as passive_events,
        sum(page_views) as page_views,
        bit_xor(active_hash) as active_hash
    from {{ ref('int_sessions') }}
    group by {{ part }}
),

day_events as (
    select
        {{ part }} as part,
        sum(events - passive_events) as events,
        sum(passive_events) as passive_events,
        sum(page_views) as page_views,
        bit_xor(active_hash) as active_hash
    from {{ ref('int_stream_days') }}
    group by {{ part }}
)

select
    coalesce(cast(session_events.part as varchar), cast(day_events.part as varchar)) as {{ part }},
    session_events.events as events_in_sessions,
    day_events.events as events_in_days

from session_events

full join day_events
    on session_events.part = day_events.part

where
    coalesce(session_events.events, 0) is distinct from coalesce(day_events.events, 0)
    or session_events.passive_events > day_events.passive_events
    or coalesce(session_events.page_views, 0) is distinct from coalesce(day_events.page_views, 0)
    or session_events.active_hash is distinct from day_events.active_hash
