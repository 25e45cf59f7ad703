-- A failing row is a device stream whose sessions do not add up to its days: an event is in no session, in two, or in one but not
-- in the other. Counts are compared, and the exclusive or of the events' hashes.
with

session_events as (

    select
        stream_id,
        sum(events) as events,
        sum(activity_events) as activity_events,
        sum(page_views) as page_views,
        bit_xor(content_hash) as content_hash

    from {{ ref('int_sessions') }}

    group by stream_id

),

day_events as (

    select
        stream_id,
        sum(events) as events,
        sum(activity_events) as activity_events,
        sum(page_views) as page_views,
        bit_xor(content_hash) as content_hash

    from {{ ref('int_stream_days') }}

    group by stream_id

)

select
    coalesce(session_events.stream_id, day_events.stream_id) as stream_id,
    session_events.events as events_in_sessions,
    day_events.events as events_in_days

from session_events

full join day_events
    on session_events.stream_id = day_events.stream_id

where
    session_events.events is distinct from day_events.events
    or session_events.activity_events is distinct from day_events.activity_events
    or session_events.page_views is distinct from day_events.page_views
    or session_events.content_hash is distinct from day_events.content_hash
