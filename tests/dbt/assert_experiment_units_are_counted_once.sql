-- A failing row is an experiment whose units are not the same number by period, by variant and in all.
with

health as (
    select
        experiment,
        exposed_units,
        exposed_units + several_variants_units as all_units
    from {{ ref('fct_experiment_health') }}
    where status != 'unknown'
),

results as (select * from {{ ref('fct_experiment_results') }}),

exposures as (select * from {{ ref('fct_experiment_exposures') }}),

units_of_metrics as (
    select
        experiment,
        metric,
        sum(units) as units
    from results
    group by experiment, metric
),

units_of_periods as (
    select
        experiment,
        period,
        variant = 'all' as is_sum,
        sum(new_units) as units
    from exposures
    group by experiment, period, is_sum
),

counts as (
    select
        health.experiment,
        units_of_metrics.metric as counted_by,
        units_of_metrics.units,
        health.exposed_units as expected_units
    from health
    inner join units_of_metrics
        on health.experiment = units_of_metrics.experiment
    union all
    select
        health.experiment,
        units_of_periods.period as counted_by,
        units_of_periods.units,
        health.all_units as expected_units
    from health
    inner join units_of_periods
        on health.experiment = units_of_periods.experiment
)

select *

from counts

where units != expected_units
