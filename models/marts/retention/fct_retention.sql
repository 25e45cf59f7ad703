-- depends_on: {{ ref('retentions') }}, {{ ref('event_catalog') }}
with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

person_days as not materialized (
    select * from {{ ref('int_person_days') }}
    where is_active
),

clocks as (select * from {{ ref('int_data_clocks') }}),

periods as (select * from {{ ref('dim_periods') }}),

retention_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'retention', 'event_money', configured('retentions')) }}
),

counts as (
    {{ counted_retentions(configured('retentions'), 'person_days', 'retention_events', 'periods', 'clocks') }}
),

retentions as (
    select
        counts.retention,
        counts.period,
        periods.period_start as cohort_start,
        cast(counts.periods_later as integer) as periods_later,
        first_value(counts.units) over (partition by counts.retention, counts.period, counts.cohort order by counts.periods_later) as cohort_users,
        counts.units as users,
        counts.rate as retention_rate,
        counts.value,
        counts.is_complete
    from counts
    inner join periods
        on counts.period = periods.period and counts.cohort = periods.period_number
)

select * from retentions
