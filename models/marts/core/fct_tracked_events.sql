with

tracked_days as (select * from {{ ref('int_tracked_days') }}),

tracking_plan as (select * from {{ ref('tracking_plan') }}),

event_catalog as (select * from {{ ref('event_catalog') }}),

tracked_events as (
    select
        app,
        event_name,
        case
            when event_name in (select event_name from tracking_plan) then 'tracking_plan'
            when event_name in (select canonical_name from event_catalog) then 'event_catalog'
            else 'nowhere'
        end as declared_in,
        cast(sum(events) as bigint) as events,
        cast(sum(broken_events) as bigint) as broken_events,
        sum(broken_events) / sum(events) as broken_share,
        min(example_event_id) as example_event_id,
        min(event_date) as first_date,
        max(event_date) as last_date
    from tracked_days
    where property is null
    group by app, event_name
)

select * from tracked_events
