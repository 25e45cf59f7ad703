-- A failing row is a person whose segment in dim_persons is not that of the stretch that lasts, or whose stretches leave a day out of the
-- days since they were first seen, or name one twice.
with

persons as (select * from {{ ref('dim_persons') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

histories as (
    select
        person_id,
        min(valid_from_date) as first_date,
        sum(coalesce(valid_to_date, clocks.last_date) - valid_from_date + 1) as days,
        any_value(clocks.last_date) as last_date,
        count(*) filter (where is_current) as current_stretches,
        max(segment) filter (where is_current) as segment
    from {{ ref('fct_person_segments') }}
    inner join clocks
        on clocks.app is null
    group by person_id
)

select
    coalesce(persons.person_id, histories.person_id) as person_id,
    persons.segment,
    histories.*

from persons

full join histories
    on persons.person_id = histories.person_id

where
    persons.segment is distinct from histories.segment
    or histories.current_stretches != 1
    or histories.first_date is distinct from persons.first_seen_date
    or histories.days != histories.last_date - histories.first_date + 1
