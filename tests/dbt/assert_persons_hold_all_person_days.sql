-- The failing row says that dim_persons and the person days do not have the same persons, events, active days or sessions.
with

person_days as (select * from {{ ref('int_person_days') }}),

day_totals as (
    select
        count(distinct person_key) as persons,
        coalesce(sum(events), 0) as events,
        count(*) filter (where is_active and previous_row_date is distinct from activity_date) as active_days
    from person_days
),

person_totals as (
    select
        count(*) as persons,
        coalesce(sum(events), 0) as events,
        coalesce(sum(active_days), 0) as active_days,
        coalesce(sum(sessions), 0) as sessions
    from {{ ref('dim_persons') }}
),

session_totals as (
    select count(*) as sessions from {{ ref('int_sessions') }}
)

select
    day_totals.*,
    person_totals.*,
    session_totals.*

from day_totals

cross join person_totals

cross join session_totals

where
    day_totals.persons != person_totals.persons
    or day_totals.events != person_totals.events
    or day_totals.active_days != person_totals.active_days
    or session_totals.sessions != person_totals.sessions
