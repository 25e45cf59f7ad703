-- A failing row is an event of the newest batch that carries an id and has no person, or has a person and no id.
with

events as (

    select * from {{ ref('events') }}

    where batch_id = {{ newest_batch() }}

)

select
    event_id,
    event_date,
    stream_id,
    person_id

from events

where (stream_id is null) != (person_id is null)
