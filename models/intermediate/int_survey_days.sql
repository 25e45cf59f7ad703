with

-- who was asked and who answered stand in the same segments, so that a response rate compares like with like
participants as (
    select
        answers.*,
        coalesce(origins.country, 'unknown') as country,
        coalesce(origins.device_type, 'unknown') as device_type,
        coalesce(origins.channel, 'Unassigned') as channel,
        coalesce(person_segments.segment, 'unknown') as person_segment
    from {{ ref('int_survey_answers') }} as answers
    left join {{ ref('int_person_origins') }} as origins using (person_id)
    left join {{ ref('int_person_segments') }} as person_segments
        on
            answers.person_id = person_segments.person_id
            and coalesce(answers.asked_date, answers.answered_date)
            between person_segments.valid_from_date and coalesce(person_segments.valid_to_date, date '9999-12-31')
    where answers.outcome != 'unknown_survey'
),

segment_participants as (
    select
        unnest(
            {{ standard_segments({
                'app': 'app', 'country': 'country', 'device_type': 'device_type', 'channel': 'channel', 'person_segment': 'person_segment',
            }) }},
            recursive := true
        ),
        *
    from participants
),

-- an asking counts on its day, an answer on its own or, without a wave, on that of the asking
entries as (
    select
        * replace (null as score),
        true as is_asking,
        asked_date as day
    from segment_participants
    where is_asked
    union all
    select
        * replace (case when outcome = 'counted' then score end as score),
        false as is_asking,
        counted_date as day
    from segment_participants
    where answers > 0
),

survey_days as (
    select
        survey,
        wave,
        day,
        segment,
        segment_value,
        clock,
        count(case when is_asking then 1 end) as asked,
        count(case when is_asking and is_answered_in_time then 1 end) as answered,
        count(entries.score) as answers,
        count(case when not is_asking and not is_asked and outcome = 'counted' then 1 end) as unasked_answers,
        count(case when not is_asking and outcome != 'counted' then 1 end) as unusable_answers,
        coalesce(sum(entries.score), 0) as score_sum,
        coalesce(sum(entries.score * entries.score), 0) as score_square_sum,
        count(case when entries.score >= 9 then 1 end) as nines_and_up,
        count(case when entries.score <= 6 then 1 end) as sixes_and_down,
        count(case when entries.score >= 4 then 1 end) as fours_and_up
    from entries
    group by all
)

select * from survey_days
