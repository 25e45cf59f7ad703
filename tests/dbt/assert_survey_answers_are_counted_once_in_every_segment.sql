-- A failing row is a survey and segment in which the months, or the waves, do not add up to those who were asked, answered in time and count.
with

scores as (
    {% for survey in ['nps', 'csat', 'ces'] -%}
    select
        '{{ survey }}' as survey,
        period,
        segment,
        asked,
        answered,
        answers,
        unusable_answers
    from {{ ref('fct_' ~ survey) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
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
    group by survey, period, segment
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
        unnest(['all', 'app', 'country', 'device_type', 'channel', 'person_segment']) as segment,
        'month' as period
    union all
    select
        unnest(['all', 'app', 'country', 'device_type', 'channel', 'person_segment']) as segment,
        'wave' as period
)

select
    kinds.period,
    kinds.segment,
    persons.*

from persons

cross join kinds

left join sums
    on persons.survey = sums.survey and kinds.period = sums.period and kinds.segment = sums.segment

where
    (persons.asked, persons.answered, persons.answers, persons.unusable_answers)
    is distinct from (sums.asked, sums.answered, sums.answers, sums.unusable_answers)
