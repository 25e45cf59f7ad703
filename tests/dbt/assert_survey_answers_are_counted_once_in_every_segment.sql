-- A failing row is a survey and segment in which the months, or the waves, do not add up to those who were asked, answered in time and count.
with

scores as (
    select
        'nps' as survey,
        *
    from {{ ref('fct_nps') }}
    union all by name
    select
        'csat' as survey,
        *
    from {{ ref('fct_csat') }}
    union all by name
    select
        'ces' as survey,
        *
    from {{ ref('fct_ces') }}
),

sums as (
    select
        survey,
        period,
        segment,
        sum(asked) as asked,
        sum(answered) as answered,
        sum(answers) as answers,
        sum(unusable_answers) as unusable_answers
    from scores
    group by all
),

persons as (
    select
        survey,
        count(case when is_asked then 1 end) as asked,
        count(case when is_answered_in_time then 1 end) as answered,
        count(case when outcome = 'counted' then 1 end) as answers,
        count(case when outcome in ('nobody', 'score_missing', 'score_unreadable', 'score_off_scale') then 1 end) as unusable_answers
    from {{ ref('fct_survey_answers') }}
    where outcome != 'unknown_survey'
    group by survey
),

kinds as (
    select
        segments.segment,
        periods.period
    from (values ('all'), ('app'), ('country'), ('device_type'), ('channel'), ('person_segment')) as segments (segment)
    cross join (values ('month'), ('wave')) as periods (period)
)

select
    period,
    segment,
    persons.*

from persons

cross join kinds

left join sums using (survey, period, segment)

where
    (persons.asked, persons.answered, persons.answers, persons.unusable_answers)
    is distinct from (sums.asked, sums.answered, sums.answers, sums.unusable_answers)
