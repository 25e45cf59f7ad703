-- A failing row is a date on which the persons of a segment's values do not add up to the persons first seen by then.
with

audiences as (

    select
        segment,
        audience_date,
        sum(persons) as persons

    from {{ ref('fct_audience') }}

    group by segment, audience_date

),

audience_dates as (

    select distinct audience_date from {{ ref('fct_audience') }}

),

persons_seen as (

    select
        audience_dates.audience_date,
        count(persons.person_id) as persons

    from audience_dates

    left join {{ ref('dim_persons') }} as persons
        on persons.first_seen_date <= audience_dates.audience_date

    group by audience_dates.audience_date

)

select
    audiences.segment,
    audiences.audience_date,
    audiences.persons,
    persons_seen.persons as persons_seen

from audiences

inner join persons_seen
    on audiences.audience_date = persons_seen.audience_date

where audiences.persons != persons_seen.persons
