-- A failing row is an event id that is staged more than once in its app on one UTC day: a copy was not settled. Looked at on the days that
-- unproven batches name, since no other day can have changed with them.
with

events as (
    select
        event_date,
        event_key(app, event_id, event_date) as event_key
    from {{ ref('stg_events') }}
    where {{ is_of_unproven_days('event_date') }}
)

select
    event_date,
    event_key,
    count(*) as copies

from events

group by event_date, event_key

having count(*) > 1
