-- A failing row is a period in which the cohorts of a first-time retention by any activity are not the new persons of growth accounting.
with

first_time_retentions as (
    select
        retention,
        coalesce(period, 'day') as period
    from {{ ref('retentions') }}
    where
        coalesce(start_event_name, start_where, app, shared_where) is null
        and coalesce(unit, 'person') = 'person'
        and coalesce(cohort_rule, 'first_time') = 'first_time'
),

cohorts as (
    select
        retention,
        period,
        cohort_start,
        cohort_users
    from {{ ref('fct_retention') }}
    where periods_later = 0
),

new_persons as (
    select
        first_time_retentions.retention,
        growth.period,
        growth.period_start as cohort_start,
        growth.new_persons
    from {{ ref('fct_growth_accounting') }} as growth
    inner join first_time_retentions
        on growth.period = first_time_retentions.period
    where growth.segment = 'all'
)

select
    new_persons.*,
    cohorts.cohort_users

from new_persons

left join cohorts
    on
        new_persons.retention = cohorts.retention
        and new_persons.period = cohorts.period
        and new_persons.cohort_start = cohorts.cohort_start

where new_persons.new_persons != coalesce(cohorts.cohort_users, 0)
