with

observations as (
    select * from {{ ref('fct_content_observations') }}
    union all by name
    select * from {{ ref('fct_creator_observations') }}
),

creator_recommendations as (
    select
        app,
        creator_id,
        rule,
        observations.content_id,
        observations.part,
        observations.evidence,
        rules.suggestion,
        observations.sample,
        observations.measured,
        rules.threshold,
        observations.compared_with,
        creators.as_of_date
    from observations
    inner join {{ ref('recommendation_rules') }} as rules using (rule)
    inner join {{ ref('fct_creator_overview') }} as creators using (app, creator_id)
    where
        observations.sample >= rules.at_least
        and case
            when rule in ('readers_do_not_follow', 'ratings_are_low') then observations.measured < rules.threshold
            else observations.measured >= rules.threshold
        end
)

select * from creator_recommendations
