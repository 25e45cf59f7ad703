{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}
-- depends_on: {{ ref('funnels') }}, {{ ref('funnel_steps') }}, {{ ref('funnel_exclusions') }}, {{ ref('event_catalog') }}
{%- set funnels = configured_funnels() %}

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
        bit_xor(hash({{ event_identity() }}, occurred_at, parts)) as content_hash
    from picked_events
    group by analysis, identity_key, other_unit
),

unit_contents as (
    select
        id_contents.funnel,
        coalesce(id_contents.other_unit, identities.person_id) as unit,
        bit_xor(id_contents.content_hash) as content_hash
    from id_contents
    left join identities
        on id_contents.identity_key = identities.identity_key
    group by id_contents.funnel, coalesce(id_contents.other_unit, identities.person_id)
),

{% if is_incremental() %}
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
        coalesce(unit_contents.funnel, built_contents.funnel) as funnel,
        coalesce(unit_contents.unit, built_contents.unit) as unit
    from unit_contents
    full join built_contents
        on unit_contents.funnel = built_contents.funnel and unit_contents.unit = built_contents.unit
    where unit_contents.content_hash is distinct from built_contents.content_hash
),
{% endif %}

events_with_unit as (
    {{ events_of_kind('picked_events', 'identities', 'funnel') }}
),

funnel_events as materialized (
    select events_with_unit.*
    from events_with_unit
    {% if is_incremental() %}
    semi join changed_units
        on events_with_unit.analysis = changed_units.funnel and events_with_unit.unit = changed_units.unit
    {% endif %}
),

{% for named in funnels %}
-- {{ named.name }}
events_{{ loop.index }} as materialized (
    {{ events_of_funnel('funnel_events', named) }}
),

attempts_{{ loop.index }} as (
    select
        'unit' as period,
        events_{{ loop.index }}.unit,
        min(case when list_contains(events_{{ loop.index }}.steps, 1) then events_{{ loop.index }}.entry_period end) as period_start,
        cast(null as bigint[]) as times,
        any_value(unit_contents.content_hash) as content_hash
    from events_{{ loop.index }}
    inner join unit_contents
        on unit_contents.funnel = {{ quoted(named.name) }} and events_{{ loop.index }}.unit = unit_contents.unit
    group by events_{{ loop.index }}.unit
    union all
    select
        'total' as period,
        unit,
        null as period_start,
        times,
        null as content_hash
    from ({{ attempts_of_funnel('events_' ~ loop.index, named, ['unit']) }})
    {% if named.trend -%}
    union all
    select
        '{{ named.trend }}' as period,
        unit,
        entry_period as period_start,
        times,
        null as content_hash
    from ({{ attempts_of_funnel('events_' ~ loop.index, named, ['unit', 'entry_period']) }})
    {%- endif %}
),
{% endfor %}

funnel_attempts as (
    {% for named in funnels %}
    select
        {{ quoted(named.name) }} as funnel,
        *
    from attempts_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as varchar) as funnel,
        cast(null as varchar) as period,
        cast(null as varchar) as unit,
        cast(null as date) as period_start,
        cast(null as bigint[]) as times,
        cast(null as ubigint) as content_hash
    from funnel_events
    where false
    {% endfor %}
)

select * from funnel_attempts
{% if is_incremental() %}
union all by name
select built.rowid as replaced_rowid
from {{ this }} as built
semi join changed_units
    on built.funnel = changed_units.funnel and built.unit = changed_units.unit
{% endif %}
