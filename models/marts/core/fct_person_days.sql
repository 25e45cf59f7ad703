{{ config(materialized='view', meta={'publish': 'view'}) }}

with

stream_days as (
    select
        *,
        {{ device_key() }} as device_key
    from {{ ref('int_stream_days') }}
),

identities as (select * from {{ ref('int_identities') }}),

person_days as (
    select
        identities.person_id,
        stream_days.activity_date,
        sum(stream_days.activity_events) > 0 as is_active,
        count(distinct stream_days.app) as apps,
        count(distinct stream_days.device_key) as devices,
        cast(sum(stream_days.events) as bigint) as events,
        cast(sum(stream_days.activity_events) as bigint) as activity_events,
        cast(sum(stream_days.page_views) as bigint) as page_views,
        min(stream_days.first_event_at) as first_event_at,
        max(stream_days.last_event_at) as last_event_at
    from stream_days
    inner join identities
        on stream_days.identity_key = identities.identity_key
    group by identities.person_id, stream_days.activity_date
)

select * from person_days
