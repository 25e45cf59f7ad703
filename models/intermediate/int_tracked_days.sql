{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

-- each reader of it needs other columns, and most of them no properties
events as not materialized (
    select * from {{ ref('stg_events') }}
    where {{ is_of_touched_days() }}
),

tracking_plan as (select * from {{ ref('tracking_plan') }}),

property_catalog as (select * from {{ ref('property_catalog') }}),

planned_names as (
    select
        event_name,
        coalesce(list(property) filter (where is_required), []) as required
    from tracking_plan
    group by event_name
),

-- an object is taken apart once, whatever is planned of it
planned_events as (
    select
        events.event_date,
        events.app,
        events.event_name,
        events.event_id,
        planned_names.required,
        json_keys(events.properties) as keys,
        json_extract(events.properties, '$.*') as json_values
    from events
    inner join planned_names
        on events.event_name = planned_names.event_name
),

sent_properties as (
    select
        event_date,
        app,
        event_name,
        event_id,
        unnest(keys) as property,
        unnest(json_values) as json_value
    from planned_events
),

absent_properties as (
    select
        event_date,
        app,
        event_name,
        event_id,
        unnest(list_filter(required, lambda property: not list_contains(keys, property))) as property,
        true as is_planned,
        'missing' as fault
    from planned_events
    where not list_has_all(keys, required)
),

planned_properties as (
    select
        sent_properties.*,
        tracking_plan.type,
        tracking_plan.is_required,
        tracking_plan.property is not null as is_planned,
        property_text(sent_properties.json_value) as sent
    from sent_properties
    left join tracking_plan
        on sent_properties.event_name = tracking_plan.event_name and sent_properties.property = tracking_plan.property
    -- what an SDK adds by itself is nobody's plan, and what models read of any event needs none
    where
        tracking_plan.property is not null
        or not (starts_with(sent_properties.property, '$') or sent_properties.property in (select property from property_catalog))
),

compared_properties as (
    select  -- noqa: AM07
        *,
        plan_fault(json_value, sent, type, is_required) as fault
    from planned_properties
    union all by name
    select * from absent_properties
),

broken_events as (
    select
        event_date,
        app,
        event_name,
        count(distinct event_id) as events,
        min(event_id) as example_event_id
    from compared_properties
    where fault is not null
    group by event_date, app, event_name
),

event_days as (
    select
        events.event_date,
        events.app,
        events.event_name,
        count(*) as events,
        coalesce(max(broken_events.events), 0) as broken_events,
        max(broken_events.example_event_id) as example_event_id
    from events
    left join broken_events
        on events.event_date = broken_events.event_date and events.app = broken_events.app and events.event_name = broken_events.event_name
    group by events.event_date, events.app, events.event_name
),

-- an object may have a key twice
property_days as (
    select
        event_date,
        app,
        event_name,
        property,
        count(distinct event_id) filter (where sent is not null) as events,
        count(distinct event_id) filter (where fault = 'missing') as missing,
        count(distinct event_id) filter (where fault = 'mistyped') as mistyped,
        coalesce(
            min(event_id) filter (where fault = 'mistyped'),
            min(event_id) filter (where fault = 'missing'),
            min(event_id) filter (where not is_planned and sent is not null)
        ) as example_event_id,
        arg_min(sent, event_id) filter (where fault = 'mistyped') as example_value
    from compared_properties
    group by event_date, app, event_name, property
),

tracked_days as (
    select * from event_days  -- noqa: AM07
    union all by name
    select * from property_days
)

select * from tracked_days
{{ replaced_rows(is_of_touched_days()) }}
