with

-- periods by their running number: a person opens one who was last active in an earlier one
openings as (
    select
        gaps.segment,
        gaps.segment_value,
        gaps.clock,
        days.period,
        days.period_number as day,
        previous_days.period_number as previous_day,
        gaps.units
    from {{ ref('int_active_gaps') }} as gaps
    inner join {{ ref('int_period_days') }} as days using (day)
    left join {{ ref('int_period_days') }} as previous_days
        on gaps.previous_day = previous_days.day and days.period = previous_days.period
    where previous_days.period_number is distinct from days.period_number
),

segments as (
    select
        segment,
        segment_value,
        clock,
        period,
        min(day) as first_number
    from openings
    group by all
),

-- from the first active period of a segment on, so that a silent one is a zero and not a hole
segment_periods as (
    select
        segments.segment,
        segments.segment_value,
        periods.period,
        periods.period_number as period_start,
        periods.period_start as first_date,
        periods.is_complete
    from segments
    inner join {{ ref('int_clock_periods') }} as periods using (clock, period)
    where periods.period_number >= segments.first_number
),

lifecycles as (
    {{ lifecycle('openings', 'segment_periods', 'day', by=['segment', 'segment_value', 'period']) | indent(4) }}
),

growth_accounting as (
    select
        period,
        segment_periods.first_date as period_start,
        segment,
        segment_value,
        active_units as active_persons,
        new_units as new_persons,
        returning_units as returning_persons,
        resurrected_units as resurrected_persons,
        dormant_units as dormant_persons,
        dormant_units / nullif(
            lag(active_units) over (partition by period, segment, segment_value order by period_start), 0
        ) as churn_rate,
        (new_units + resurrected_units) / nullif(dormant_units, 0) as quick_ratio,
        (returning_units + resurrected_units) / nullif(active_units, 0) as return_rate,
        is_complete
    from lifecycles
    inner join segment_periods using (segment, segment_value, period, period_start)
)

select * from growth_accounting
