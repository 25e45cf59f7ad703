with

survey_scores as (
    select
        *,
        nines_and_up as promoters,
        answers - nines_and_up - sixes_and_down as passives,
        sixes_and_down as detractors,
        (nines_and_up - sixes_and_down) / nullif(answers, 0) as mean_vote,
        -- the 97.5 % quantile of the normal distribution, times the standard error of the mean of votes of 1, 0 and -1
        1.959963984540054
        * sqrt(
            (answers * (nines_and_up + sixes_and_down) - pow(nines_and_up - sixes_and_down, 2))
            / nullif(pow(answers, 2) * (answers - 1), 0)
        ) as margin
    from {{ ref('int_survey_scores') }}
    where survey = 'nps'
),

nps as (
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
        promoters,
        passives,
        detractors,
        promoters / nullif(answers, 0) as promoter_share,
        passives / nullif(answers, 0) as passive_share,
        detractors / nullif(answers, 0) as detractor_share,
        100 * mean_vote as nps,
        -- greatest and least pass over nulls
        case when answers > 1 then greatest(100 * (mean_vote - margin), -100) end as nps_low,
        case when answers > 1 then least(100 * (mean_vote + margin), 100) end as nps_high,
        is_complete,
        is_response_complete
    from survey_scores
)

select * from nps
