-- A failing row is a count of persons at the start of the curve of activity that dim_persons does not give: everybody first active at least
-- lost_after_days whole days before the last known day.
with

clocks as (select * from {{ ref('int_data_clocks') }}),

watched as (
    select count(*) as persons
    from {{ ref('dim_persons') }} as persons
    inner join clocks
        on clocks.app is null
    where persons.first_active_date < cast(clocks.known_until as date) - {{ setting('lost_after_days') }}
),

followed as (
    select coalesce(sum(lost + censored), 0) as persons
    from {{ ref('fct_survival') }}
    where kind = 'activity' and segment = 'all'
)

select
    watched.persons as watched_persons,
    followed.persons as followed_persons

from watched

cross join followed

where watched.persons != followed.persons
