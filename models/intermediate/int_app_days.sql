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

app_days as (
    select
        app,
        event_date,
        {{ local_date('occurred_at') }} as activity_date,
        count(*) as events,
        count(*) filter (where is_page_view and stream_id is null) as unidentified_page_views,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        max(occurred_at) filter (where is_activity) as last_activity_at
    from events
    group by app, event_date, {{ local_date('occurred_at') }}
)

select * from app_days
{{ replaced_rows(is_of_touched_days()) }}
