with

survey_scores as (
    select
        *,
        score_sum / nullif(answers, 0) as mean_score,
        -- the 97.5 % quantile of the normal distribution, times the standard error of the mean
        1.959963984540054
        * sqrt((answers * score_square_sum - pow(score_sum, 2)) / nullif(pow(answers, 2) * (answers - 1), 0)) as margin
    from {{ ref('int_survey_scores') }}
    where survey = 'ces'
),

ces as (
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
        mean_score as ces,
        -- greatest and least pass over nulls
        case when answers > 1 then greatest(mean_score - margin, 1) end as ces_low,
        case when answers > 1 then least(mean_score + margin, 7) end as ces_high,
        is_complete,
        is_response_complete
    from survey_scores
)

select * from ces
