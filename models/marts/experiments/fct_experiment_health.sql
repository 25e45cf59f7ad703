with

checks as (
    select
        experiment,
        any_value(srm_chi_square) as srm_chi_square,
        any_value(srm_p_value) as srm_p_value,
        any_value(is_valid) as is_valid,
        cast(ceil(any_value(units_needed)) as bigint) as units_needed
    from {{ ref('int_experiment_statistics') }}
    group by all
),

counts as (
    select
        app,
        experiment,
        count(case when outcome = 'counted' then 1 end) as exposed_units,
        count(case when outcome = 'several_variants' then 1 end) as several_variants_units,
        count(case when is_misassigned then 1 end) as misassigned_units,
        cast(sum(exposures) as bigint) as exposures,
        cast(sum(unknown_experiment_exposures) as bigint) as unknown_experiment_exposures,
        cast(sum(unknown_variant_exposures) as bigint) as unknown_variant_exposures,
        cast(sum(outside_dates_exposures) as bigint) as outside_dates_exposures,
        cast(sum(nobody_exposures) as bigint) as nobody_exposures,
        min(exposed_date) as first_exposed_date,
        max(exposed_date) as last_exposed_date
    from {{ ref('int_experiment_exposures') }}
    group by all
),

health as (
    select
        runs.* replace (coalesce(runs.variants, 0) as variants),
        coalesce(columns(counts.* exclude (app, experiment, first_exposed_date, last_exposed_date)), 0),
        counts.first_exposed_date,
        counts.last_exposed_date,
        checks.srm_chi_square,
        runs.variants - 1 as srm_degrees_of_freedom,
        checks.srm_p_value,
        checks.is_valid,
        checks.units_needed,
        case when checks.units_needed is not null then greatest(checks.units_needed - counts.exposed_units, 0) end as units_missing,
        cast(ceil(units_missing * runs.days_run / nullif(counts.exposed_units, 0)) as bigint) as days_missing
    from {{ ref('int_experiment_runs') }} as runs
    left join counts using (app, experiment)
    left join checks
        on runs.experiment = checks.experiment and runs.status != 'unknown'
)

select * from health
