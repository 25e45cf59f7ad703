{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where {{ is_of_touched_days() }}
),

event_catalog as (select * from {{ ref('event_catalog') }}),

operations as (
    select distinct
        canonical_name,
        operation
    from event_catalog
    where operation is not null
),

operation_days as (
    select
        events.event_date,
        {{ local_date('events.occurred_at') }} as operation_date,
        events.app,
        operations.operation,
        events.identity_key,
        count(*) as events,
        min(events.occurred_at) as first_at
    from events
    inner join operations
        on events.event_name = operations.canonical_name
    group by all
)

select * from operation_days
{{ replaced_rows(is_of_touched_days()) }}
