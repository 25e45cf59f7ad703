with

moments as (select * from {{ ref('int_experiment_moments') }}),

statistics as (select * from {{ ref('int_experiment_statistics') }}),

health as (select * from {{ ref('fct_experiment_health') }}),

results_by_variant as (
    select
        -- ids
        moments.experiment,
        moments.app,
        moments.metric,
        moments.variant,
        -- strings
        moments.kind,
        moments.direction,
        statistics.verdict,
        -- the value, raw
        moments.units,
        statistics.value,
        statistics.standard_error,
        statistics.control_value,
        statistics.uplift,
        statistics.uplift_lower,
        statistics.uplift_upper,
        statistics.improvement_percent,
        statistics.improvement_percent_lower,
        statistics.improvement_percent_upper,
        statistics.p_value,
        statistics.holm_p_value,
        statistics.bh_p_value,
        statistics.sequential_p_value,
        statistics.sequential_lower,
        statistics.sequential_upper,
        statistics.chance_to_win,
        statistics.expected_loss,
        -- the same, less what was there before
        statistics.cuped_theta,
        statistics.cuped_variance_reduction,
        statistics.cuped_value,
        statistics.cuped_uplift,
        statistics.cuped_uplift_lower,
        statistics.cuped_uplift_upper,
        statistics.cuped_p_value,
        -- booleans
        moments.is_primary,
        moments.is_control,
        statistics.is_valid,
        statistics.is_winner,
        health.is_complete
    from moments
    inner join statistics
        on
            moments.experiment = statistics.experiment
            and moments.metric = statistics.metric
            and moments.variant = statistics.variant
    inner join health
        on moments.experiment = health.experiment and moments.app = health.app
)

select * from results_by_variant
