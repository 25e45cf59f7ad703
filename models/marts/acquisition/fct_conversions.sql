-- depends_on: {{ ref('conversions') }}, {{ ref('event_catalog') }}
{%- set conversions_named = configured_conversions() %}

with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

person_days as not materialized (select * from {{ ref('int_person_days') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

calendar as (
    {{ calendar_of('clocks') }}
),

conversion_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'conversion', 'event_money', conversions_named) }}
),

{% for named in conversions_named %}
-- {{ named.name }}
active_{{ loop.index }} as (
    {{ active_of_conversion(named, 'person_days', 'conversion_events') }}
),

conversions_{{ loop.index }} as (
    {{ events_of_conversion(named, 'conversion_events') }}
),

origins_{{ loop.index }} as (
    {{ origins_of_conversion(named, 'person_days', 'conversion_events') }}
),

periods_{{ loop.index }} as (
    select
        calendar.period,
        calendar.period_start
    from calendar
    inner join clocks
        on clocks.app is not distinct from {{ quoted(named.scope.app) }}
    where calendar.next_period_start > clocks.first_date and calendar.period_start <= clocks.last_date
),

counts_{{ loop.index }} as (
    {{ conversions(
        'active_' ~ loop.index, 'conversions_' ~ loop.index, 'origins_' ~ loop.index, 'periods_' ~ loop.index, ['period']
    ) }}
),
{% endfor %}

counts as (
    {% for named in conversions_named %}
    select
        {{ quoted(named.name) }} as conversion,
        {{ quoted(named.scope.app) }} as app,
        counts_{{ loop.index }}.*
    from counts_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as varchar) as conversion,
        cast(null as varchar) as app,
        cast(null as varchar) as period,
        cast(null as date) as period_start,
        cast(null as bigint) as units,
        cast(null as bigint) as converted,
        cast(null as double) as conversion_rate,
        cast(null as double) as median_seconds
    from conversion_events
    where false
    {% endfor %}
),

conversions as (
    select
        counts.conversion,
        counts.period,
        counts.period_start,
        counts.units as users,
        counts.converted as converted_users,
        counts.conversion_rate,
        counts.median_seconds as median_seconds_to_convert,
        calendar.next_period_start <= clocks.known_until as is_complete
    from counts
    inner join calendar
        on counts.period = calendar.period and counts.period_start = calendar.period_start
    inner join clocks
        on counts.app is not distinct from clocks.app
)

select * from conversions
