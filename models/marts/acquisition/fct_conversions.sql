-- depends_on: {{ ref('conversions') }}, {{ ref('event_catalog') }}
with

picked_events as (select * from {{ ref('int_picked_events') }}),

identities as (select * from {{ ref('int_identities') }}),

event_money as (select * from {{ ref('int_event_money') }}),

person_days as not materialized (select * from {{ ref('int_person_days') }}),

period_days as (select * from {{ ref('int_period_days') }}),

clock_periods as (select * from {{ ref('int_clock_periods') }}),

conversion_events as materialized (
    {{ events_of_kind('picked_events', 'identities', 'conversion', 'event_money', configured('conversions')) }}
),

counts as (
    {{ counted_conversions(configured('conversions'), 'person_days', 'conversion_events', 'period_days', 'clock_periods') }}
),

conversions as (
    select
        conversion,
        period,
        period_start,
        counts.units as users,
        counts.converted as converted_users,
        counts.conversion_rate,
        counts.median_seconds as median_seconds_to_convert,
        clock_periods.is_complete
    from counts
    inner join clock_periods using (clock, period, period_start)
)

select * from conversions
