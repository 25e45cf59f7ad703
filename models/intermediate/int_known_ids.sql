{{ config(post_hook='{{ mark_built() }}') }}

with

stream_days as (
    select
        *,
        {{ device_key() }} as device_key,
        {{ person_named('user_id') }} as user_name
    from {{ ref('int_stream_days') }}
),

-- a device has its row even where every one of its events was identified
known_ids as (
    select
        identity_key,
        'user' as id_kind,
        any_value(user_id) as id,
        {{ 'any_value(app)' if setting('person_scope') == 'app' else 'cast(null as varchar)' }} as app,
        any_value(user_name) as owner_id,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at
    from stream_days
    where user_id is not null
    group by identity_key
    union all
    select
        device_key as identity_key,
        'device' as id_kind,
        any_value(anonymous_id) as id,
        {{ 'any_value(app)' if setting('person_scope') == 'app' else 'cast(null as varchar)' }} as app,
        coalesce(
            case '{{ setting('identity_rule') }}'
                when 'last' then arg_max(user_name, (last_event_at, user_name))
                else arg_min(user_name, (first_event_at, user_name))
            end,
            any_value({{ person_named('anonymous_id') }})
        ) as owner_id,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at
    from stream_days
    where anonymous_id is not null
    group by device_key
)

select * from known_ids
