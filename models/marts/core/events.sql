{{ config(materialized='view', meta={'publish': 'view'}) }}

with

events as (select * from {{ ref('stg_events') }}),

identities as (select * from {{ ref('int_identities') }}),

events_with_person as (
    select
        -- keys and digests that only models have a use for
        events.* exclude (identity_key, written_hash, content_hash) replace (
            -- what persons write in a survey stays behind the marts, unless `allow_pii` says otherwise
            case
                when not {{ setting('allow_pii') }} and events.survey_event is not null and contains(events.properties, 'comment')
                    then cast(json_merge_patch(events.properties, '{"comment": null}') as varchar)
                else events.properties
            end as properties
        ),
        identities.person_id
    from events
    left join identities
        on
            coalesce(events.user_id, events.anonymous_id) = identities.id
            and case when events.user_id is null then 'device' else 'user' end = identities.id_kind
            -- an id has an app where apps keep their people apart; any other comparison than of equals would try every event with every id
            and {{ 'events.app' if setting('person_scope') == 'app' else 'null' }} is not distinct from identities.app
)

select * from events_with_person
