-- A failing row is a date on which the persons of a segment's values, or of one app, do not add up to the persons first seen by then,
-- or a date of an app that its data do not reach.
with

audiences as (
    select
        segment,
        case when segment = 'app' then segment_value end as app,
        audience_date,
        sum(persons) as persons
    from {{ ref('fct_audience') }}
    group by segment, case when segment = 'app' then segment_value end, audience_date
),

first_days as (
    select
        first_app as app,
        first_seen_date,
        count(*) as persons
    from {{ ref('dim_persons') }}
    group by first_app, first_seen_date
),

clocks as (select * from {{ ref('int_data_clocks') }})

select
    audiences.segment,
    audiences.app,
    audiences.audience_date,
    audiences.persons,
    sum(first_days.persons) as persons_seen

from audiences

inner join clocks
    on audiences.app is not distinct from clocks.app

left join first_days
    on first_days.first_seen_date <= audiences.audience_date and (audiences.app is null or audiences.app = first_days.app)

group by audiences.segment, audiences.app, audiences.audience_date, audiences.persons

having audiences.persons is distinct from sum(first_days.persons) or audiences.audience_date > any_value(clocks.last_date)
