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

planned_events as not materialized (
    select * from events where event_name in (select event_name from tracking_plan)
),

planned_properties as (
    select
        planned_events.event_date,
        planned_events.app,
        planned_events.event_name,
        planned_events.event_id,
        tracking_plan.property,
        tracking_plan.type,
        tracking_plan.is_required,
        nullif(trimmed(json_extract_string(planned_events.properties, '$."' || tracking_plan.property || '"')), '') as sent,
        json_type(planned_events.properties, '$."' || tracking_plan.property || '"') in ('OBJECT', 'ARRAY') as is_nested
    from planned_events
    inner join tracking_plan
        on planned_events.event_name = tracking_plan.event_name and tracking_plan.property is not null
),

-- a text that can be read as the type is of the type, as in every column that a model reads of a property
compared_properties as (
    select
        *,
        sent is null and is_required as is_missing,
        sent is not null and case type
            when 'varchar' then is_nested
            when 'bigint' then whole_number(sent) is null
            when 'double' then number(sent) is null
            when 'timestamp' then property_instant(sent, 'UTC') is null
            when 'boolean' then lower(sent) not in ('true', 'false')
            when 'json' then coalesce(json_type(try_cast(sent as json)) not in ('OBJECT', 'ARRAY'), true)
        end as is_mistyped
    from planned_properties
),

broken_events as (
    select
        event_date,
        app,
        event_name,
        count(distinct event_id) as events,
        min(event_id) as example_event_id
    from compared_properties
    where is_missing or is_mistyped
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

planned_property_days as (
    select
        event_date,
        app,
        event_name,
        property,
        count(sent) as events,
        count(*) filter (where is_missing or is_mistyped) as broken_events,
        count(*) filter (where is_missing) as missing,
        count(*) filter (where is_mistyped) as mistyped,
        coalesce(min(event_id) filter (where is_mistyped), min(event_id) filter (where is_missing)) as example_event_id,
        arg_min(sent, event_id) filter (where is_mistyped) as example_value
    from compared_properties
    group by event_date, app, event_name, property
),

sent_keys as (
    select
        event_date,
        app,
        event_name,
        event_id,
        unnest(list_distinct(json_keys(properties))) as property
    from planned_events
),

unplanned_property_days as (
    select
        sent_keys.event_date,
        sent_keys.app,
        sent_keys.event_name,
        sent_keys.property,
        count(*) as events,
        min(sent_keys.event_id) as example_event_id
    from sent_keys
    anti join tracking_plan
        on sent_keys.event_name = tracking_plan.event_name and sent_keys.property = tracking_plan.property
    anti join property_catalog
        on sent_keys.property = property_catalog.property
    -- what an SDK adds by itself is nobody's plan
    where not starts_with(sent_keys.property, '$')
    group by sent_keys.event_date, sent_keys.app, sent_keys.event_name, sent_keys.property
),

tracked_days as (
    select * from event_days  -- noqa: AM07
    union all by name
    select * from planned_property_days
    union all by name
    select * from unplanned_property_days
)

select * from tracked_days
{{ replaced_rows(is_of_touched_days()) }}
