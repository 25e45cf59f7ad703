-- depends_on: {{ ref('conversions') }}, {{ ref('event_catalog') }}
with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

sessions as not materialized (select * from {{ ref('fct_sessions') }}),

conversion_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'conversion', 'event_money', configured('conversions')) }}
),

-- the linear model credits every visit in the look-back
credits as (
    {{ credited_sessions(configured('conversions'), 'conversion_events', 'sessions', ['linear']) }}
),

touches as (
    select
        -- ids
        conversion,
        event_app as app,
        event_id,
        unit_id,
        session_id,
        -- strings
        channel,
        traffic_source,
        traffic_medium,
        utm_campaign,
        entry_page,
        -- numbers
        case when session_id is null then 0 else row_number() over (visits order by started_at, session_id) end as touch_number,
        count(session_id) over visits as touches,
        conversion_cents as amount_cents,
        (epoch_us(converted_at) - epoch_us(started_at)) / 1000000 as seconds_before,
        -- dates and timestamps (utc)
        conversion_date,
        converted_at,
        started_at as touched_at
    from credits
    window visits as (partition by conversion, event_app, event_id, converted_at)
)

select * from touches
