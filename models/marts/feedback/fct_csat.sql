with

survey_scores as (
    select
        *,
        fours_and_up / nullif(answers, 0) as satisfied_share,
        -- the 97.5 % quantile of the normal distribution, squared
        pow(1.959963984540054, 2) / nullif(answers, 0) as pull
    from {{ ref('int_survey_scores') }}
    where survey = 'csat'
),

csat as (
    select
        period,
        wave,
        period_start,
        segment,
        segment_value,
        asked,
        answered,
        response_rate,
        answers,
        unasked_answers,
        unusable_answers,
        fours_and_up as satisfied,
        satisfied_share as csat,
        (satisfied_share + pull / 2 - sqrt(pull * (satisfied_share * (1 - satisfied_share) + pull / 4))) / (1 + pull) as csat_low,
        (satisfied_share + pull / 2 + sqrt(pull * (satisfied_share * (1 - satisfied_share) + pull / 4))) / (1 + pull) as csat_high,
        score_sum / nullif(answers, 0) as mean_score,
        is_complete,
        is_response_complete
    from survey_scores
)

select * from csat
