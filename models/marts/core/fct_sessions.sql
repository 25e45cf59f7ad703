{{ config(materialized='view', meta={'publish': 'view'}) }}

with

sessions as (select * from {{ ref('int_sessions') }}),

identities as (select * from {{ ref('int_identities') }}),

sessions_with_person as (
    select
        -- ids
        sessions.session_id,
        identities.person_id,
        sessions.user_id,
        sessions.anonymous_id,
        sessions.account_id,
        sessions.client_session_id,
        -- strings
        sessions.app,
        sessions.country,
        sessions.device_type,
        sessions.os,
        sessions.browser,
        sessions.entry_page,
        sessions.exit_page,
        sessions.referrer,
        sessions.utm_source,
        sessions.utm_medium,
        sessions.utm_campaign,
        sessions.utm_term,
        sessions.utm_content,
        sessions.click_id_parameter,
        sessions.click_id,
        sessions.traffic_source,
        sessions.traffic_medium,
        sessions.channel,
        -- numbers
        sessions.duration_seconds,
        sessions.events,
        sessions.activity_events,
        sessions.page_views,
        sessions.interactions,
        -- booleans
        sessions.is_bounce,
        sessions.is_visit,
        sessions.is_bot,
        -- dates and timestamps (utc)
        sessions.session_date,
        sessions.started_at,
        sessions.ended_at
    from sessions
    inner join identities
        on sessions.identity_key = identities.identity_key
)

select * from sessions_with_person
