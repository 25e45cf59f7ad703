-- A failing row is a kind of step of which charging sessions hold more or fewer than there are events: one is lost or counted twice.
with

charging_events as (select * from {{ ref('int_charging_events') }}),

charging_sessions as (select * from {{ ref('fct_charging_sessions') }}),

sent as (
    select
        count(case when step = 'start' then 1 end) as starts,
        count(case when step = 'stop' then 1 end) as stops,
        count(case when step = 'credit' then 1 end) as credits
    from charging_events
),

held as (
    select
        coalesce(sum(starts), 0) as starts,
        coalesce(sum(stops), 0) as stops,
        coalesce(sum(credits), 0) as credits
    from charging_sessions
)

select *

from sent

cross join held

where
    sent.starts != held.starts
    or sent.stops != held.stops
    or sent.credits != held.credits
