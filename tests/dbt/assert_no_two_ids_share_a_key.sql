-- A failing row is a key that two different ids have: 64 bits of their MD5 collide, and their events would be mixed. Every id of
-- history is compared by a second, independent hash, and so is every id of an unproven batch before it is grouped by key.
with

stream_days as (select * from {{ ref('int_stream_days') }}),

unproven_events as (
    select * from {{ ref('stg_events') }}
    where
        {{ is_unproven() }}
        and stream_id is not null
),

keyed_ids as (
    select
        'stream' as key_kind,
        stream_id as id_key,
        hash(app, anonymous_id is null, coalesce(anonymous_id, user_id)) as id_hash
    from stream_days
    union all
    select
        'stream' as key_kind,
        stream_id as id_key,
        hash(app, anonymous_id is null, coalesce(anonymous_id, user_id)) as id_hash
    from unproven_events
    union all
    select
        'identity' as key_kind,
        identity_key as id_key,
        hash(
            case when user_id is null then 'device' else 'user' end,
            coalesce(user_id, anonymous_id),
            {{ 'app' if setting('person_scope') == 'app' else 'null' }}
        ) as id_hash
    from stream_days
)

select
    key_kind,
    id_key

from keyed_ids

group by key_kind, id_key

having min(id_hash) != max(id_hash)
