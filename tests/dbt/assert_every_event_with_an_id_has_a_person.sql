-- A failing row is an event of an unproven batch that carries an id and has no person, or has a person and no id.
with

events as (
    select * from {{ ref('events') }}
    where {{ is_unproven() }}
)

select
    event_id,
    event_date,
    stream_id,
    person_id

from events

where (stream_id is null) != (person_id is null)
