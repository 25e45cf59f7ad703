with

variants as (
    select
        experiment,
        count(*) as variants
    from {{ ref('experiment_variants') }}
    group by all
),

-- the longest wait for an outcome; an open window ends with the experiment
waits as (
    select
        experiment,
        max(coalesce(until_days, 0)) as outcome_days,
        min(case when is_primary then metric end) as primary_metric
    from {{ ref('experiment_metrics') }}
    group by all
),

definitions as (
    select
        *,
        true as is_defined
    from {{ ref('experiments') }}
    left join variants using (experiment)
    left join waits using (experiment)
),

-- what was sent under a key that no seed has is seen here too
keys as (
    select
        app,
        experiment
    from {{ ref('experiments') }}
    union
    select
        app,
        experiment
    from {{ ref('int_experiment_exposures') }}
),

runs as (
    select
        -- ids
        app,
        experiment,
        -- strings
        case
            when definitions.is_defined is null then 'unknown'
            when clocks.known_until is null or cast(clocks.known_until as date) < definitions.start_date then 'not_started'
            when cast(clocks.known_until as date) > definitions.end_date then 'ended'
            else 'running'
        end as status,
        definitions.unit,
        definitions.primary_metric,
        -- numbers
        definitions.variants,
        definitions.alpha,
        definitions.power,
        definitions.minimum_detectable_effect,
        -- whole days and the part of the one that goes on
        case
            when status in ('running', 'ended')
                then
                    date_diff(
                        'second',
                        cast(greatest(definitions.start_date, clocks.first_date) as timestamp),
                        least(clocks.known_until, cast(definitions.end_date + 1 as timestamp))
                    ) / 86400
        end as days_run,
        -- booleans
        coalesce(
            cast(definitions.end_date + 1 as timestamp) + to_days(definitions.outcome_days) <= clocks.known_until, false
        ) as is_complete,
        -- dates
        definitions.start_date,
        definitions.end_date
    from keys
    left join definitions using (app, experiment)
    left join {{ ref('int_data_clocks') }} as clocks using (app)
)

select * from runs
