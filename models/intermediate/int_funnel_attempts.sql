{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}
-- depends_on: {{ ref('funnels') }}, {{ ref('funnel_steps') }}, {{ ref('funnel_exclusions') }}, {{ ref('event_catalog') }}

with

picked_events as (
    select * from {{ ref('int_picked_events') }}
    where kind = 'funnel'
),

identities as (select * from {{ ref('int_identities') }}),

-- by id first: there are fewer ids than events, and a digest of numbers is cheap
id_contents as (
    select
        analysis as funnel,
        identity_key,
        other_unit,
        bit_xor(hash(app, event_id, event_date, occurred_at, parts)) as content_hash
    from picked_events
    group by all
),

unit_contents as (
    select
        id_contents.funnel,
        coalesce(id_contents.other_unit, identities.person_id) as unit,
        bit_xor(id_contents.content_hash) as content_hash
    from id_contents
    left join identities using (identity_key)
    group by all
),

built_contents as (
    select
        funnel,
        unit,
        content_hash
    from {{ this }}
    where period = 'unit'
),

-- a unit goes through its funnels anew when its events are not those that it was built from: new, gone, or another's now
changed_units as (
    select
        funnel,
        unit
    from unit_contents
    full join built_contents using (funnel, unit)
    where unit_contents.content_hash is distinct from built_contents.content_hash
),

events_with_unit as (
    {{ events_of_kind('picked_events', 'identities', 'funnel') }}
),

funnel_events as materialized (
    select * from events_with_unit
    where {{ '(analysis, unit) in (from changed_units)' if is_incremental() else 'true' }}
),

funnel_attempts as (
    {{ attempts_of_funnels(configured('funnels'), 'funnel_events', 'unit_contents') }}
)

select * from funnel_attempts
{{ replaced_rows('(funnel, unit) in (from changed_units)') }}
