{{ config(post_hook='{{ mark_built() }}') }}

with recursive

merge_events as (
    select
        {{ person_named('merges.id', 'merges.app') }} as id,
        {{ person_named('merges.other_id', 'merges.app') }} as other_id
    from {{ ref('stg_merges') }} as merges
    anti join {{ ref('stg_superseded_copies') }} as superseded using (batch_id, row_number)
),

-- a text names a user where there is one, else a device
named_ids as (
    select
        {{ person_named('id') }} as id,
        id_kind,
        owner_id
    from {{ ref('int_known_ids') }}
    qualify row_number() over (partition by {{ person_named('id') }} order by id_kind desc) = 1
),

-- a device that is named in a merge stands for its owner; an id that was never seen still links the others
merges as (
    select
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
merged_ids as (
    select
        reached.id,
        first_value(reached.id) over (
            partition by reached.reached_id order by named_ids.id_kind desc nulls last, reached.id
        ) as person_id
    from reached
    left join named_ids using (id)
)

select * from merged_ids
