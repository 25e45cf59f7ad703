{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

superseded_copies as (
    select * from {{ ref('stg_superseded_copies') }}
    where {{ is_of_touched_days(also_of_lost_copies=true) }}
),

repeated_events as (
    select * from {{ ref('stg_events') }}
    where
        {{ is_of_touched_days(also_of_lost_copies=true) }}
        and event_key(app, event_id, event_date) in (select event_key(app, event_id, event_date) from superseded_copies)
),

event_copies as (
    select
        app,
        event_id,
        event_date,
        1 + count(*) as copies,
        count(*) filter (where superseded_copies.content_hash != repeated_events.written_hash) as conflicting_copies
    from repeated_events
    inner join superseded_copies using (app, event_id, event_date)
    group by all
)

select * from event_copies
{{ replaced_rows(is_of_touched_days(also_of_lost_copies=true)) }}
