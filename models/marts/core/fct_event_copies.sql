with

event_copies as (select * from {{ ref('int_event_copies') }})

select * from event_copies
