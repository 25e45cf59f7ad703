{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where
        event_name in (
            'content_published', 'content_viewed', 'part_started', 'part_finished', 'content_liked', 'content_commented', 'content_shared',
            'content_bookmarked', 'content_rated', 'creator_followed', 'creator_unfollowed', 'tip_sent', 'content_purchased'
        )
        and {{ is_of_touched_days() }}
),

content_events as (
    select
        -- ids
        event_id,
        identity_key,
        content_id,
        creator_id,
        -- strings
        event_name,
        app,
        -- numbers; decimals, because the sum of doubles depends on their order
        part,
        parts,
        try_cast(rating as decimal(9, 3)) as rating,
        try_cast(read_seconds as decimal(15, 3)) as read_seconds,
        -- what was sent and is no number
        unreadable_properties,
        -- dates and timestamps (utc)
        event_date,
        occurred_at
    from events
)

select * from content_events
{{ replaced_rows(is_of_touched_days()) }}
