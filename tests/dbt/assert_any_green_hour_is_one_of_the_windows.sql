-- A failing row is a period in which sessions that overlap any incentive window are fewer than those of one window, or more than those of all.
with

green_hour_utilization as (select * from {{ ref('fct_green_hour_utilization') }}),

periods as (
    select
        period,
        period_start,
        segment,
        segment_value,
        sum(case when incentive_window = 'any' then green_sessions end) as of_any,
        max(case when incentive_window != 'any' then green_sessions end) as of_the_greatest,
        sum(case when incentive_window != 'any' then green_sessions end) as of_each
    from green_hour_utilization
    group by period, period_start, segment, segment_value
)

select *

from periods

where of_any not between coalesce(of_the_greatest, 0) and coalesce(of_each, 0)
