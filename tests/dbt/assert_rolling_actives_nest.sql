-- A failing row is a day of a segment whose WAU is below its DAU or above the DAUs of its 7 days, or whose MAU is below its WAU
-- (where its window is the longer one) or above the DAUs of its days: persons were counted twice, or not at all.

with

active_persons as (
    select
        *,
        sum(dau) over (segment_days rows between 6 preceding and current row) as week_of_daus,
        sum(dau) over (segment_days rows between {{ setting('mau_days') - 1 }} preceding and current row) as month_of_daus
    from {{ ref('fct_active_persons') }}
    window segment_days as (partition by segment, segment_value order by activity_date)
)

select * from active_persons

where
    not wau between dau and week_of_daus
    or not mau between {{ 'wau' if setting('mau_days') >= 7 else 'dau' }} and month_of_daus
    or (mau > 0) != (stickiness is not null)
    or not coalesce(stickiness, 0) between 0 and 1
