{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

-- a new or superseded event changes the day of its stream
touched_days as materialized (
    {{ touched_stream_days() }}
),

dated_events as (
    select
        *,
        {{ local_date('occurred_at') }} as activity_date
    from {{ ref('stg_events') }}
    where
        (anonymous_id is not null or user_id is not null)
        -- a local day reaches into the UTC days beside it
        and {{ is_of_days(
            'select distinct unnest(generate_series(activity_date - 1, activity_date + 1, interval 1 day))::date'
            ~ ' from (' ~ touched_stream_days() ~ ')'
        ) }}
),

events as (
    select * from dated_events
    where {{ '(stream_id, activity_date) in (from touched_days)' if is_incremental() else 'true' }}
),

days_by_user as (
    select
        -- ids
        stream_id,
        any_value(anonymous_id) as anonymous_id,
        user_id,
        -- what a day is told apart by
        activity_date,
        app,
        coalesce(country, 'unknown') as country,
        coalesce(device_type, 'unknown') as device_type,
        -- numbers
        count(*) as events,
        count(*) filter (where is_passive) as passive_events,
        count(*) filter (where is_activity) as activity_events,
        count(*) filter (where is_page_view) as page_views,
        -- timestamps (utc)
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        bit_xor(content_hash) as content_hash,
        bit_xor(case when not is_passive then content_hash end) as active_hash
    from events
    group by all
),

stream_days as (
    select
        *,
        {{ identity_key() }} as identity_key
    from days_by_user
)

select * from stream_days
{{ replaced_rows('(stream_id, activity_date) in (from touched_days)') }}
