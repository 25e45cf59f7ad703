with

mentions as (
    select
        app,
        content_id,
        creator_id,
        event_name,
        part,
        case when parts >= 1 then parts end as parts,
        event_id,
        occurred_at,
        {{ local_date('occurred_at') }} as day
    from {{ ref('int_content_events') }}
    where content_id is not null
    union all by name
    select
        app,
        content_id,
        creator_id,
        payment_id as event_id,
        occurred_at,
        payment_date as day
    from {{ ref('int_payments') }}
    where content_id is not null
),

-- the creator under whom it was published first, else whom the latest mention names
content_items as (
    select
        app,
        content_id,
        coalesce(
            arg_min(creator_id, (occurred_at, event_id)) filter (where event_name = 'content_published' and creator_id is not null),
            arg_max(creator_id, (occurred_at, event_id, creator_id)) filter (where creator_id is not null),
            'unknown'
        ) as creator_id,
        coalesce(
            max(parts) filter (where event_name = 'content_published'),
            max(part) filter (where event_name = 'part_started' and part >= 1)
        ) as last_part,
        max(parts) filter (where event_name = 'content_published') as published_parts,
        min(day) as first_date,
        min(occurred_at) filter (where event_name = 'content_published') as published_at
    from mentions
    group by all
)

select * from content_items
