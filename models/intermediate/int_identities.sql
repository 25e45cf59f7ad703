{{ config(post_hook='{{ mark_built() }}') }}

with recursive

stream_days as (
    select
        *,
        {{ device_key() }} as device_key
    from {{ ref('int_stream_days') }}
),

known_ids as (
    select
        identity_key,
        'user' as id_kind,
        any_value(user_id) as id,
        any_value(app) as app,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at
    from stream_days
    where user_id is not null
    group by identity_key
    union all
    -- a device has its row even where every one of its events was identified
    select
        device_key as identity_key,
        'device' as id_kind,
        any_value(anonymous_id) as id,
        any_value(app) as app,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at
    from stream_days
    where anonymous_id is not null
    group by device_key
),

named_known_ids as (
    select
        *,
        {{ person_named('id') }} as person_name
    from known_ids
),

device_users as (
    select
        device_key as identity_key,
        {{ person_named('user_id') }} as user_id,
        min(first_event_at) as first_identified_at,
        max(last_event_at) as last_identified_at
    from stream_days
    where anonymous_id is not null and user_id is not null
    group by all
),

device_owners as (
    select
        identity_key,
        'device' as id_kind,
        user_id as owner_id
    from device_users
    qualify
        row_number() over (
            partition by identity_key
            order by {{ 'first_identified_at, user_id' if setting('identity_rule') == 'first' else 'last_identified_at desc, user_id desc' }}
        ) = 1
),

owned_ids as (
    select
        named_known_ids.*,
        coalesce(device_owners.owner_id, named_known_ids.person_name) as owner_id
    from named_known_ids
    left join device_owners
        on named_known_ids.identity_key = device_owners.identity_key and named_known_ids.id_kind = device_owners.id_kind
),

merge_events as (
    select
        {{ person_named('merges.id', 'merges.app') }} as id,
        {{ person_named('merges.other_id', 'merges.app') }} as other_id
    from {{ ref('stg_merges') }} as merges
    anti join {{ ref('stg_superseded_copies') }} as superseded
        on merges.batch_id = superseded.batch_id and merges.row_number = superseded.row_number
),

-- a text names a user where there is one, else a device
named_ids as (
    select
        person_name as id,
        id_kind,
        owner_id
    from owned_ids
    qualify row_number() over (partition by person_name order by id_kind desc) = 1
),

-- a device that is named in a merge stands for its owner; an id that was never seen still links the others
merges as (
    select distinct
        coalesce(own.owner_id, merge_events.id) as id,
        coalesce(other.owner_id, merge_events.other_id) as other_id
    from merge_events
    left join named_ids as own
        on merge_events.id = own.id
    left join named_ids as other
        on merge_events.other_id = other.id
    where merge_events.id is not null and merge_events.other_id is not null
),

links as (
    select
        id,
        other_id
    from merges
    union
    select
        other_id as id,
        id as other_id
    from merges
),

-- every merged id walks to the least id that it can reach: one for each group
reached (id, reached_id) using key (id) as (
    select
        id,
        min(id) as reached_id
    from links
    group by id
    union
    select
        links.id,
        min(neighbour.reached_id) as reached_id
    from reached as neighbour
    inner join links
        on neighbour.id = links.other_id
    inner join recurring.reached as own
        on links.id = own.id
    where neighbour.reached_id < own.reached_id
    group by links.id
),

-- a group is named after a user, else a device, never after an id that nobody has
groups as (
    select
        reached.id,
        first_value(reached.id) over (
            partition by reached.reached_id order by named_ids.id_kind desc nulls last, reached.id
        ) as person_id
    from reached
    left join named_ids
        on reached.id = named_ids.id
),

identities as (
    select
        owned_ids.identity_key,
        owned_ids.id_kind,
        owned_ids.id,
        {{ 'owned_ids.app' if setting('person_scope') == 'app' else 'cast(null as varchar)' }} as app,
        coalesce(groups.person_id, owned_ids.owner_id) as person_id,
        owned_ids.first_seen_at,
        owned_ids.last_seen_at
    from owned_ids
    left join groups
        on owned_ids.owner_id = groups.id
)

select * from identities
