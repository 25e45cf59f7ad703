-- A failing row is a day on which the persons' events are not the streams' events: an id has no person, or two.
with

person_totals as (
    select
        activity_date,
        sum(events) as events,
        sum(activity_events) as activity_events,
        sum(page_views) as page_views
    from {{ ref('int_person_days') }}
    group by activity_date
),

stream_totals as (
    select
        activity_date,
        sum(events) as events,
        sum(activity_events) as activity_events,
        sum(page_views) as page_views
    from {{ ref('int_stream_days') }}
    group by activity_date
)

select
    coalesce(person_totals.activity_date, stream_totals.activity_date) as activity_date,
    person_totals.events as events_of_persons,
    stream_totals.events as events_of_streams

from person_totals

full join stream_totals
    on person_totals.activity_date = stream_totals.activity_date

where
    person_totals.events is distinct from stream_totals.events
    or person_totals.activity_events is distinct from stream_totals.activity_events
    or person_totals.page_views is distinct from stream_totals.page_views
