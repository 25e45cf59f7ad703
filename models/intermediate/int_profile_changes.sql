{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where
        (contains(properties, '"$set') or contains(properties, '"$unset"') or contains(properties, '"$group_set"'))
        and {{ is_of_touched_days() }}
),

told as (
    select
        app,
        event_id,
        event_date,
        occurred_at,
        identity_key,
        account_id,
        unnest([
            struct_pack(unit := 'person', operation := 'set', said := json_extract(properties, '$."$set"')),
            struct_pack(unit := 'person', operation := 'set_once', said := json_extract(properties, '$."$set_once"')),
            struct_pack(unit := 'person', operation := 'unset', said := json_extract(properties, '$."$unset"')),
            struct_pack(unit := 'account', operation := 'set', said := json_extract(properties, '$."$group_set"'))
        ]) as change
    from events
),

-- what is taken away is a list of names, or names with something beside them
told_properties as (
    select
        * exclude (change),
        change['unit'] as unit,
        change['operation'] as operation,
        change['said'] as said,
        unnest(list_distinct(case
            when json_type(change['said']) = 'OBJECT' then json_keys(change['said'])
            when change['operation'] = 'unset' and json_type(change['said']) = 'ARRAY'
                then json_extract_string(change['said'], '$[*]')
        end)) as property
    from told
),

said_values as (
    select
        *,
        case
            when operation != 'unset'
                then json_extract_string(said, '/' || replace(replace(property, '~', '~0'), '/', '~1'))
        end as value
    from told_properties
    -- names that begin with a dollar are the SDK's own, and every event of some repeats them
    where
        trim(property) != '' and not starts_with(property, '$')
        and case when unit = 'person' then identity_key is not null else account_id is not null end
),

profile_changes as (
    select
        app,
        event_id,
        event_date,
        occurred_at,
        unit,
        case when unit = 'person' then identity_key end as identity_key,
        case when unit = 'account' then account_id end as account_id,
        property,
        operation,
        value
    from said_values
    -- nothing can be set to nothing once
    where operation != 'set_once' or value is not null
)

select * from profile_changes
{{ replaced_rows(is_of_touched_days()) }}
