{%- set cap_days = [62, setting('mau_days')] | max -%}

with

gaps as (
    select
        segment,
        segment_value,
        activity_date as day,
        previous_activity_date as previous_day,
        persons as units
    from {{ ref('int_active_gaps') }}
),

dates as (select * from {{ ref('dim_dates') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

segments as (
    select
        segment,
        segment_value,
        min(day) as first_day
    from gaps
    group by segment, segment_value
),

-- a segment is counted on every day from its first, so that a silent day is a zero and not a hole; an app's days end with its own data
segment_days as (
    select
        segments.segment,
        segments.segment_value,
        dates.date_day as day,
        case when clocks.app is null then dates.is_complete else dates.date_day < clocks.last_date end as is_complete
    from segments
    left join clocks
        on segments.segment = 'app' and segments.segment_value = clocks.app
    inner join dates
        on
            dates.date_day >= segments.first_day
            and dates.date_day <= coalesce(clocks.last_date, dates.date_day)
            and dates.is_in_data
),

rolling_actives as (
    {{ rolling_actives(
        'gaps',
        'segment_days',
        [('dau', 1), ('wau', 7), ('mau', setting('mau_days'))],
        ['segment', 'segment_value'],
        cap_days,
    ) | indent(4) }}
),

active_persons as (
    select
        rolling_actives.day as activity_date,
        rolling_actives.segment,
        rolling_actives.segment_value,
        rolling_actives.dau,
        rolling_actives.wau,
        rolling_actives.mau,
        rolling_actives.dau / nullif(rolling_actives.mau, 0) as stickiness,
        segment_days.is_complete
    from rolling_actives
    inner join segment_days using (segment, segment_value, day)  -- noqa: ST07
)

select * from active_persons
