with

tracked_days as (select * from {{ ref('int_tracked_days') }}),

tracking_plan as (select * from {{ ref('tracking_plan') }}),

tracked_properties as (
    select
        app,
        event_name,
        property,
        cast(sum(events) as bigint) as events,
        cast(coalesce(sum(missing), 0) as bigint) as missing_events,
        cast(coalesce(sum(mistyped), 0) as bigint) as mistyped_events,
        -- a value that cannot be read says more than one that is not there
        arg_min(example_event_id, row(mistyped = 0, event_date)) as example_event_id,
        arg_min(example_value, event_date) as example_value,
        min(event_date) filter (where events > 0) as first_date,
        max(event_date) filter (where events > 0) as last_date
    from tracked_days
    where property is not null
    group by app, event_name, property
    -- a property that may be left out, and always is, is neither sent nor broken
    having sum(events) > 0 or sum(missing) > 0
),

properties_with_plan as (
    select
        tracked_properties.app,
        tracked_properties.event_name,
        tracked_properties.property,
        tracking_plan.property is not null as is_planned,
        tracking_plan.type as planned_type,
        coalesce(tracking_plan.is_required, false) as is_required,
        tracked_properties.* exclude (app, event_name, property)
    from tracked_properties
    left join tracking_plan
        on tracked_properties.event_name = tracking_plan.event_name and tracked_properties.property = tracking_plan.property
)

select * from properties_with_plan
