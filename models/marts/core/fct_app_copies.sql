with

app_days as (select * from {{ ref('int_app_days') }}),

event_copies as (select * from {{ ref('int_event_copies') }}),

events_of_apps as (
    select
        app,
        cast(sum(events) as bigint) as events
    from app_days
    group by app
),

copies_of_apps as (
    select
        app,
        count(*) as repeated_events,
        cast(sum(copies) as bigint) as copies,
        cast(sum(conflicting_copies) as bigint) as conflicting_copies
    from event_copies
    group by app
),

copies_with_share as (
    select
        events_of_apps.app,
        events_of_apps.events,
        coalesce(copies_of_apps.repeated_events, 0) as repeated_events,
        coalesce(copies_of_apps.conflicting_copies, 0) as conflicting_copies,
        coalesce(copies_of_apps.conflicting_copies, 0)
        / (events_of_apps.events + coalesce(copies_of_apps.copies - copies_of_apps.repeated_events, 0)) as conflicting_share
    from events_of_apps
    left join copies_of_apps
        on events_of_apps.app = copies_of_apps.app
)

select * from copies_with_share
