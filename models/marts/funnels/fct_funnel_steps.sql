-- depends_on: {{ ref('funnels') }}, {{ ref('funnel_steps') }}, {{ ref('funnel_exclusions') }}, {{ ref('event_catalog') }}
with

funnel_attempts as (select * from {{ ref('int_funnel_attempts') }}),

clock_periods as (select * from {{ ref('int_clock_periods') }}),

counted_steps as (
    {{ steps_of_funnels(configured('funnels'), 'funnel_attempts', 'clock_periods') }}
),

funnel_steps as (
    select
        funnel,
        period,
        period_start,
        cast(step as integer) as step,
        step_name,
        users,
        conversion_rate,
        conversion_rate_from_previous,
        drop_off,
        avg_seconds_from_previous,
        median_seconds_from_previous,
        is_complete
    from counted_steps
)

select * from funnel_steps
