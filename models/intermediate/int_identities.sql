{{ config(post_hook='{{ mark_built() }}') }}

with

identities as (
    select
        ids.identity_key,
        ids.id_kind,
        ids.id,
        ids.app,
        coalesce(merged_ids.person_id, ids.owner_id) as person_id,
        ids.first_seen_at,
        ids.last_seen_at
    from {{ ref('int_known_ids') }} as ids
    left join {{ ref('int_merged_ids') }} as merged_ids
        on ids.owner_id = merged_ids.id
)

select * from identities
