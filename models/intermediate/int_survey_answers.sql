with

persons_events as (
    select
        survey_events.*,
        identities.person_id,
        {{ local_date('survey_events.occurred_at') }} as day
    from {{ ref('int_survey_events') }} as survey_events
    left join {{ ref('int_identities') }} as identities using (identity_key)
    where survey_events.is_answer or identities.person_id is not null
),

-- the last time before it, or at once, that the person was asked
events_with_asking as (
    select
        *,
        max(struct_pack(occurred_at, event_id, day, wave)) filter (where not is_answer)
            over (partition by app, survey, person_id order by occurred_at) as asking
    from persons_events
),

-- without a wave an answer is of the round in which the person was asked, and stands in its month; unasked, in its own
events_with_round as (
    select
        * exclude (asking, wave),
        is_answer
        and wave is null
        and coalesce(occurred_at <= asking.occurred_at + to_days({{ setting('survey_response_days') }}), false) as is_of_asking,
        case when is_of_asking then asking.day else day end as counted_date,
        coalesce(wave, case when is_of_asking then asking.wave end, strftime(counted_date, '%Y-%m')) as wave,
        -- what nobody said stands for itself
        case when person_id is null then hash(app, event_id, event_date) end as nobody_key,
        coalesce(
            is_answer
            and score = floor(score)
            and case survey
                when 'nps' then score between 0 and 10
                when 'csat' then score between 1 and 5
                when 'ces' then score between 1 and 7
            end,
            false
        ) as is_usable
    from events_with_asking
),

-- the last answer that can be used decides, else the last one
participations as (
    select
        app,
        survey,
        wave,
        person_id,
        nobody_key,
        min(case when not is_answer then occurred_at end) as asked_at,
        min(case when not is_answer then day end) as asked_date,
        min(case when is_usable then occurred_at end) as first_usable_at,
        count(case when is_answer then 1 end) as answers,
        max(struct_pack(is_usable, occurred_at, event_id, day, counted_date, score, unreadable_score, comment)) filter (where is_answer) as deciding
    from events_with_round
    group by all
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
        deciding.counted_date as counted_date,
        asked_at,
        deciding.occurred_at as answered_at
    from participations
)

select * from survey_answers
