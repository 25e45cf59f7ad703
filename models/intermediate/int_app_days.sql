{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

{%- set batches = unseen_batches('int_app_days') -%}
{%- set touched_days = touched_event_dates(batches) if is_incremental() -%}

with

events as (
    {{ events_of_days(touched_days) }}
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
{{ rows_of_days(touched_days) }}
