-- A failing row is a day whose DAU is not the number of distinct persons with activity on it, counted without the engine of gaps.
with

person_days as (select * from {{ ref('int_person_days') }}),

counted as (
    select
        activity_date,
        count(distinct person_key) as persons
    from person_days
    where activity_events > 0
    group by activity_date
),

daily_actives as (
    select
        activity_date,
        dau
    from {{ ref('fct_active_persons') }}
    where segment = 'all' and dau > 0
)

select
    coalesce(counted.activity_date, daily_actives.activity_date) as activity_date,
    counted.persons,
    daily_actives.dau

from counted

full join daily_actives
    on counted.activity_date = daily_actives.activity_date

where counted.persons is distinct from daily_actives.dau
