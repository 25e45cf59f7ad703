-- A failing row is a day of a segment whose active persons differ between growth accounting and the DAU: each day once in both.
with

growth as (
    select * from {{ ref('fct_growth_accounting') }} where period = 'day'
),

active_persons as (select * from {{ ref('fct_active_persons') }})

select
    coalesce(growth.period_start, active_persons.activity_date) as activity_date,
    coalesce(growth.segment, active_persons.segment) as segment,
    coalesce(growth.segment_value, active_persons.segment_value) as segment_value,
    growth.active_persons,
    active_persons.dau

from growth

full join active_persons
    on
        growth.period_start = active_persons.activity_date
        and growth.segment = active_persons.segment
        and growth.segment_value = active_persons.segment_value

where growth.active_persons is distinct from active_persons.dau
