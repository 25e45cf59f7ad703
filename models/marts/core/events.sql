{{ config(materialized='view', meta={'publish': 'view'}) }}

with

events as (

    select * from {{ ref('stg_events') }}

),

identities as (

    select * from {{ ref('int_identities') }}

),

events_with_person as (

    select
        events.*,
        identities.person_id

    from events

    left join identities
        on
            coalesce(events.user_id, events.anonymous_id) = identities.id
            and case when events.user_id is null then 'device' else 'user' end = identities.id_kind

)

select * from events_with_person
