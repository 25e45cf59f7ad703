-- depends_on: {{ ref('retentions') }}, {{ ref('event_catalog') }}
{%- set retentions = configured_retentions() %}

with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

person_days as not materialized (
    select * from {{ ref('int_person_days') }}
    where is_active
),

clocks as (select * from {{ ref('int_data_clocks') }}),

-- neighbouring periods have neighbouring places
calendar as (
    {{ calendar_of('clocks') }}
),

retention_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'retention', 'event_money', retentions) }}
),

{% for named in retentions %}
-- {{ named.name }}
starts_{{ loop.index }} as materialized (
    {{ starts_of_retention(named, 'person_days', 'retention_events', 'calendar') }}
),

returns_{{ loop.index }} as (
    {{ returns_of_retention(named, 'person_days', 'retention_events', 'calendar') }}
),

cells_{{ loop.index }} as (
    {{ cells_of_retention(named, 'starts_' ~ loop.index, 'calendar', 'clocks') }}
),

counts_{{ loop.index }} as (
    {{ retention(
        'starts_' ~ loop.index,
        'returns_' ~ loop.index,
        'cells_' ~ loop.index,
        measure=named.measure,
        window=named.window,
        period_us=named.period_seconds * 1000000,
        minimum_occurrences=named.minimum_occurrences,
    ) }}
),
{% endfor %}

counts as (
    {% for named in retentions %}
    select
        {{ quoted(named.retention) }} as retention,
        '{{ named.period }}' as period,
        cohort,
        period as periods_later,
        units as users,
        rate,
        {{ 'cast(null as double)' if named.value is none else 'amount' }} as value,
        is_complete
    from counts_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as varchar) as retention,
        cast(null as varchar) as period,
        cast(null as bigint) as cohort,
        cast(null as bigint) as periods_later,
        cast(null as bigint) as users,
        cast(null as double) as rate,
        cast(null as double) as value,
        cast(null as boolean) as is_complete
    from retention_events
    where false
    {% endfor %}
),

retentions as (
    select
        counts.retention,
        counts.period,
        calendar.period_start as cohort_start,
        cast(counts.periods_later as integer) as periods_later,
        first_value(counts.users) over (
            partition by counts.retention, counts.period, counts.cohort order by counts.periods_later
        ) as cohort_users,
        counts.users,
        counts.rate as retention_rate,
        counts.value,
        counts.is_complete
    from counts
    inner join calendar
        on counts.period = calendar.period and counts.cohort = calendar.place
)

select * from retentions
