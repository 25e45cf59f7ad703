with

segments as (
    select
        segment,
        segment_value,
        clock,
        min(day) as first_day
    from {{ ref('int_active_gaps') }}
    group by all
),

-- a segment is counted on every day from its first, so that a silent day is a zero and not a hole
segment_days as (
    select
        segments.segment,
        segments.segment_value,
        periods.period_start as day,
        periods.is_complete
    from segments
    inner join {{ ref('int_clock_periods') }} as periods using (clock)
    where periods.period = 'day' and periods.period_start >= segments.first_day
),

rolling_actives as (
    {{ rolling_actives(
        ref('int_active_gaps'),
        'segment_days',
        [('dau', 1), ('wau', 7), ('mau', setting('mau_days'))],
        ['segment', 'segment_value'],
    ) | indent(4) }}
),

active_persons as (
    select
        day as activity_date,
        segment,
        segment_value,
        dau,
        wau,
        mau,
        dau / nullif(mau, 0) as stickiness,
        is_complete
    from rolling_actives
    inner join segment_days using (segment, segment_value, day)
)

select * from active_persons
