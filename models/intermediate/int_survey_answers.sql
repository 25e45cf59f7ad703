with

survey_events as (

    select * from {{ ref('int_survey_events') }}

),

identities as (

    select * from {{ ref('int_identities') }}

),

events_with_person as (

    select
        survey_events.* exclude (wave),
        identities.person_id,
        {{ local_date('survey_events.occurred_at') }} as day,
        coalesce(survey_events.wave, strftime({{ local_date('survey_events.occurred_at') }}, '%Y-%m')) as wave,
        -- what nobody said stands for itself
        case when identities.person_id is null then hash(survey_events.event_id, survey_events.event_date) end as nobody_key,
        coalesce(
            survey_events.is_answer
            and survey_events.score = floor(survey_events.score)
            and case survey_events.survey
                when 'nps' then survey_events.score between 0 and 10
                when 'csat' then survey_events.score between 1 and 5
                when 'ces' then survey_events.score between 1 and 7
            end,
            false
        ) as is_usable

    from survey_events

    left join identities
        on survey_events.identity_key = identities.identity_key

    where survey_events.is_answer or identities.person_id is not null

),

-- the last answer that can be used decides, else the last one
participations as (

    select
        app,
        survey,
        wave,
        person_id,
        min(case when not is_answer then occurred_at end) as asked_at,
        min(case when not is_answer then day end) as asked_date,
        min(case when is_usable then occurred_at end) as first_usable_at,
        count(case when is_answer then 1 end) as answers,
        max(
            struct_pack(is_usable := is_usable, occurred_at := occurred_at, event_id := event_id, day := day, score := score, unreadable_score := unreadable_score, comment := comment)
        ) filter (where is_answer) as deciding

    from events_with_person

    group by app, survey, wave, person_id, nobody_key

),

survey_answers as (

    select
        -- ids
        deciding.event_id as answer_id,
        person_id,

        -- strings
        app,
        survey,
        wave,
        case
            when survey in ('nps', 'csat', 'ces') is not true then 'unknown_survey'
            when person_id is null then 'nobody'
            when answers = 0 then 'not_answered'
            when deciding.is_usable then 'counted'
            when deciding.unreadable_score is not null then 'score_unreadable'
            when deciding.score is null then 'score_missing'
            else 'score_off_scale'
        end as outcome,
        deciding.comment as comment,

        -- numbers
        case when deciding.is_usable then try_cast(deciding.score as bigint) end as score,
        answers,

        -- booleans
        asked_at is not null as is_asked,
        coalesce(first_usable_at <= asked_at + to_days({{ setting('survey_response_days') }}), false) as is_answered_in_time,

        -- dates and timestamps (utc)
        asked_date,
        deciding.day as answered_date,
        asked_at,
        deciding.occurred_at as answered_at

    from participations

)

select * from survey_answers
