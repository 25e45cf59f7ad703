with

results_by_variant as (
    select
        experiment,
        app,
        metric,
        variant,
        moments.kind,
        moments.direction,
        moments.units,
        moments.is_primary,
        moments.is_control,
        -- the value, what it is worth against the control, and the same less what was there before
        statistics.* exclude (experiment, metric, variant, srm_chi_square, srm_p_value, units_needed),
        health.is_complete
    from {{ ref('int_experiment_moments') }} as moments
    inner join {{ ref('int_experiment_statistics') }} as statistics using (experiment, metric, variant)
    inner join {{ ref('fct_experiment_health') }} as health using (experiment, app)
)

select * from results_by_variant
