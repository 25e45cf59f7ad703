with

content_events as (
    select
        * replace (case when event_name not in ('creator_followed', 'creator_unfollowed') then content_id end as content_id),
        content_id as named_content_id
    from {{ ref('int_content_events') }}
),

-- an item is its creator's, whoever an event names; without an item the named creator counts
actions as (
    select
        events.* exclude (identity_key, creator_id, parts, named_content_id),
        identities.person_id,
        coalesce(case when events.content_id is not null then items.creator_id end, events.creator_id, items.creator_id) as creator_id,
        coalesce(events.part = items.last_part, false) as is_last_part,
        coalesce(events.part > items.published_parts, false) as is_beyond_item,
        {{ local_date('events.occurred_at') }} as day
    from content_events as events
    left join {{ ref('int_content_items') }} as items
        on events.app = items.app and events.named_content_id = items.content_id
    left join {{ ref('int_identities') }} as identities using (identity_key)
),

-- an event_name to join by: a condition on one side of the join alone would compare all with all
first_starts as (
    select
        'part_finished' as event_name,
        app,
        content_id,
        part,
        person_id,
        min(occurred_at) as first_started_at
    from actions
    where event_name = 'part_started' and person_id is not null
    group by all
),

judged_actions as (
    select
        actions.* exclude (is_beyond_item, unreadable_properties),
        case
            when content_id is null and event_name not in ('creator_followed', 'creator_unfollowed', 'tip_sent') then 'no_content'
            when creator_id is null then 'no_creator'
            when person_id is null and event_name in ('creator_followed', 'creator_unfollowed') then 'nobody'
            when part >= 1 is not true and event_name in ('part_started', 'part_finished') then 'no_part'
            when is_beyond_item and event_name in ('part_started', 'part_finished') then 'part_beyond_item'
            when event_name = 'part_finished' and person_id is not null and first_started_at <= occurred_at is not true then 'finish_without_start'
            when rating between 1 and 5 is not true and event_name = 'content_rated' then 'rating_out_of_range'
            when read_seconds < 0 then 'negative_read_time'
            when unreadable_properties['read_seconds'] is not null then 'unreadable_read_time'
            when unreadable_properties['parts'] is not null and event_name = 'content_published' then 'unreadable_parts'
        end as fault
    from actions
    left join first_starts using (event_name, app, content_id, part, person_id)
),

content_actions as (
    select
        * exclude (weight) replace (
            coalesce(creator_id, 'unknown') as creator_id,
            case when read_seconds >= 0 then read_seconds end as read_seconds
        ),
        coalesce(fault in ('negative_read_time', 'unreadable_read_time', 'unreadable_parts'), true) as is_counted,
        cast(coalesce(weight, 0) as decimal(9, 3)) as weight
    from judged_actions
    left join {{ ref('engagement_weights') }} using (event_name)
)

select * from content_actions
