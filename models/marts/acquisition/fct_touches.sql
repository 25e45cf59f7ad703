-- depends_on: {{ ref('conversions') }}, {{ ref('event_catalog') }}
with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

sessions as not materialized (select * from {{ ref('fct_sessions') }}),

conversion_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'conversion', 'event_money', configured('conversions')) }}
),

touched as (
    {{ touching_sessions(configured('conversions'), 'conversion_events', 'sessions') }}
),

touches as (
    select
        -- ids
        touched.conversion,
        touched.app,
        touched.event_id,
        touched.unit_id,
        touched.session_id,
        -- strings
        coalesce(sessions.channel, 'Direct') as channel,
        sessions.traffic_source,
        sessions.traffic_medium,
        sessions.utm_campaign,
        sessions.entry_page,
        -- numbers
        cast(coalesce(touched.touch_number, 0) as bigint) as touch_number,
        cast(touched.touches as bigint) as touches,
        touched.amount_cents,
        (epoch_us(touched.converted_at) - epoch_us(sessions.started_at)) / 1000000 as seconds_before,
        -- dates and timestamps (utc)
        touched.conversion_date,
        touched.converted_at,
        sessions.started_at as touched_at
    from touched
    left join sessions using (session_id)
)

select * from touches
