with

exposures as (select * from {{ ref('int_experiment_exposures') }}),

experiments as (select * from {{ ref('experiments') }}),

experiment_variants as (select * from {{ ref('experiment_variants') }}),

experiment_metrics as (select * from {{ ref('experiment_metrics') }}),

statistics as (select * from {{ ref('int_experiment_statistics') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

arms as (
    select
        experiment,
        count(*) as variants
    from experiment_variants
    group by experiment
),

-- the longest wait for an outcome; an open window ends with the experiment
waits as (
    select
        experiment,
        max(coalesce(until_days, 0)) as outcome_days,
        min(case when is_primary then metric end) as primary_metric
    from experiment_metrics
    group by experiment
),

checks as (
    select
        experiment,
        any_value(srm_chi_square) as srm_chi_square,
        any_value(srm_p_value) as srm_p_value,
        any_value(is_valid) as is_valid,
        any_value(units_needed) as units_needed
    from statistics
    group by experiment
),

counts as (
    select
        app,
        experiment,
        count(case when outcome = 'counted' then 1 end) as exposed_units,
        count(case when outcome = 'several_variants' then 1 end) as several_variants_units,
        count(case when is_misassigned then 1 end) as misassigned_units,
        sum(exposures) as exposures,
        sum(unknown_experiment_exposures) as unknown_experiment_exposures,
        sum(unknown_variant_exposures) as unknown_variant_exposures,
        sum(outside_dates_exposures) as outside_dates_exposures,
        sum(nobody_exposures) as nobody_exposures,
        min(exposed_date) as first_exposed_date,
        max(exposed_date) as last_exposed_date
    from exposures
    group by app, experiment
),

-- what was sent under a key that no seed has is seen here too
keys as (
    select
        app,
        experiment
    from experiments
    union
    select
        app,
        experiment
    from counts
),

dated_experiments as (
    select
        keys.app,
        keys.experiment,
        experiments.unit,
        experiments.start_date,
        experiments.end_date,
        experiments.alpha,
        experiments.power,
        experiments.minimum_detectable_effect,
        clocks.known_until,
        case
            when experiments.experiment is null then 'unknown'
            when clocks.known_until is null or cast(clocks.known_until as date) < experiments.start_date then 'not_started'
            when cast(clocks.known_until as date) > experiments.end_date then 'ended'
            else 'running'
        end as status,
        -- whole days and the part of the one that goes on
        case
            when status in ('running', 'ended')
                then
                    date_diff(
                        'second',
                        cast(greatest(experiments.start_date, clocks.first_date) as timestamp),
                        least(clocks.known_until, cast(experiments.end_date + 1 as timestamp))
                    ) / 86400
        end as days_run
    from keys
    left join experiments
        on keys.app = experiments.app and keys.experiment = experiments.experiment
    left join clocks
        on keys.app = clocks.app
),

health as (
    select
        -- ids
        dated_experiments.experiment,
        dated_experiments.app,
        -- strings
        dated_experiments.status,
        dated_experiments.unit,
        waits.primary_metric,
        -- numbers
        coalesce(arms.variants, 0) as variants,
        coalesce(counts.exposed_units, 0) as exposed_units,
        coalesce(counts.several_variants_units, 0) as several_variants_units,
        coalesce(counts.misassigned_units, 0) as misassigned_units,
        cast(coalesce(counts.exposures, 0) as bigint) as exposures,
        cast(coalesce(counts.unknown_experiment_exposures, 0) as bigint) as unknown_experiment_exposures,
        cast(coalesce(counts.unknown_variant_exposures, 0) as bigint) as unknown_variant_exposures,
        cast(coalesce(counts.outside_dates_exposures, 0) as bigint) as outside_dates_exposures,
        cast(coalesce(counts.nobody_exposures, 0) as bigint) as nobody_exposures,
        checks.srm_chi_square,
        arms.variants - 1 as srm_degrees_of_freedom,
        checks.srm_p_value,
        dated_experiments.alpha,
        dated_experiments.power,
        dated_experiments.minimum_detectable_effect,
        dated_experiments.days_run,
        cast(ceil(checks.units_needed) as bigint) as units_needed,
        case
            when checks.units_needed is not null then greatest(cast(ceil(checks.units_needed) as bigint) - counts.exposed_units, 0)
        end as units_missing,
        cast(ceil(units_missing * dated_experiments.days_run / nullif(counts.exposed_units, 0)) as bigint) as days_missing,
        -- booleans
        checks.is_valid,
        coalesce(
            cast(dated_experiments.end_date + 1 as timestamp) + to_days(waits.outcome_days) <= dated_experiments.known_until, false
        ) as is_complete,
        -- dates
        dated_experiments.start_date,
        dated_experiments.end_date,
        counts.first_exposed_date,
        counts.last_exposed_date
    from dated_experiments
    left join arms
        on dated_experiments.experiment = arms.experiment and dated_experiments.status != 'unknown'
    left join waits
        on dated_experiments.experiment = waits.experiment and dated_experiments.status != 'unknown'
    left join checks
        on dated_experiments.experiment = checks.experiment and dated_experiments.status != 'unknown'
    left join counts
        on dated_experiments.app = counts.app and dated_experiments.experiment = counts.experiment
)

select * from health
