-- A failing row is a creator's month in which the countries or the devices of the audience are not all of it.
with

creator_audience as (select * from {{ ref('fct_creator_audience') }}),

segment_totals as (
    select
        app,
        creator_id,
        period_start,
        segment,
        sum(audience_persons) as audience_persons,
        sum(loyal_persons) as loyal_persons
    from creator_audience
    group by app, creator_id, period_start, segment
)

select
    app,
    creator_id,
    period_start

from segment_totals

group by app, creator_id, period_start

having
    count(*) != 3
    or min(audience_persons) != max(audience_persons)
    or min(loyal_persons) != max(loyal_persons)
