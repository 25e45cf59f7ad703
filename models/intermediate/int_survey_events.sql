{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where survey_event is not null and {{ is_of_touched_days() }}
),

survey_events as (
    select
        -- ids
        event_id,
        identity_key,
        -- strings
        app,
        -- an event that is named after its survey needs no property to say which
        case
            when starts_with(survey_event, 'survey_') then lower(survey)
            else split_part(survey_event, '_', 1)
        end as survey,
        wave,
        {{ "json_extract_string(properties, '$.comment')" if setting('allow_pii') else 'cast(null as varchar)' }} as comment,
        -- numbers
        score,
        unreadable_properties['score'] as unreadable_score,
        -- booleans
        ends_with(survey_event, '_answered') as is_answer,
        -- dates and timestamps (utc)
        event_date,
        occurred_at
    from events
)

select * from survey_events
{{ replaced_rows(is_of_touched_days()) }}
