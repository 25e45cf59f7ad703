-- A failing row is a kind of period in which the new persons of all time are not the persons who were ever active.
with

new_totals as (
    select
        period,
        sum(new_persons) as new_persons
    from {{ ref('fct_growth_accounting') }}
    where segment = 'all'
    group by period
),

ever_active as (
    select count(*) as persons from {{ ref('dim_persons') }} where first_active_date is not null
)

select
    new_totals.period,
    new_totals.new_persons,
    ever_active.persons

from new_totals

cross join ever_active

where new_totals.new_persons != ever_active.persons
