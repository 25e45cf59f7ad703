with

content_events as (
    select
        * replace (
            case when event_name not in ('creator_followed', 'creator_unfollowed') then content_id end as content_id
        ),
        content_id as named_content_id
    from {{ ref('int_content_events') }}
),

content_items as (select * from {{ ref('int_content_items') }}),

identities as (select * from {{ ref('int_identities') }}),

engagement_weights as (select * from {{ ref('engagement_weights') }}),

-- an item is its creator's, whoever an event names; without an item the named creator counts
actions as (
    select
        content_events.* exclude (identity_key, creator_id, parts, named_content_id, unreadable_properties),
        identities.person_id,
        coalesce(
            case when content_events.content_id is not null then content_items.creator_id end,
            content_events.creator_id,
            content_items.creator_id
        ) as creator_id,
        coalesce(content_events.part = content_items.last_part, false) as is_last_part,
        coalesce(content_events.part > content_items.published_parts, false) as is_beyond_item,
        coalesce(
            case when content_events.unreadable_properties['read_seconds'] is not null then 'unreadable_read_time' end,
            case
                when content_events.unreadable_properties['parts'] is not null and content_events.event_name = 'content_published'
                    then 'unreadable_parts'
            end
        ) as unreadable,
        {{ local_date('content_events.occurred_at') }} as day
    from content_events
    left join content_items
        on content_events.app = content_items.app and content_events.named_content_id = content_items.content_id
    left join identities
        on content_events.identity_key = identities.identity_key
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
    group by app, content_id, part, person_id
),

judged_actions as (
    select
        actions.* exclude (is_beyond_item, unreadable),
        case
            when actions.content_id is null and actions.event_name not in ('creator_followed', 'creator_unfollowed', 'tip_sent') then 'no_content'
            when actions.creator_id is null then 'no_creator'
            when actions.person_id is null and actions.event_name in ('creator_followed', 'creator_unfollowed') then 'nobody'
            when actions.part >= 1 is not true and actions.event_name in ('part_started', 'part_finished') then 'no_part'
            when actions.is_beyond_item and actions.event_name in ('part_started', 'part_finished') then 'part_beyond_item'
            when
                actions.event_name = 'part_finished' and actions.person_id is not null
                and first_starts.first_started_at <= actions.occurred_at is not true
                then 'finish_without_start'
            when actions.rating between 1 and 5 is not true and actions.event_name = 'content_rated' then 'rating_out_of_range'
            when actions.read_seconds < 0 then 'negative_read_time'
            else actions.unreadable
        end as fault
    from actions
    left join first_starts
        on
            actions.event_name = first_starts.event_name
            and actions.app = first_starts.app
            and actions.content_id = first_starts.content_id
            and actions.part = first_starts.part
            and actions.person_id = first_starts.person_id
),

content_actions as (
    select
        judged_actions.* replace (
            coalesce(judged_actions.creator_id, 'unknown') as creator_id,
            case when judged_actions.read_seconds >= 0 then judged_actions.read_seconds end as read_seconds
        ),
        coalesce(judged_actions.fault in ('negative_read_time', 'unreadable_read_time', 'unreadable_parts'), true) as is_counted,
        cast(coalesce(engagement_weights.weight, 0) as decimal(9, 3)) as weight
    from judged_actions
    left join engagement_weights
        on judged_actions.event_name = engagement_weights.event_name
)

select * from content_actions
