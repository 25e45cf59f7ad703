with

sums as (
    select
        experiment,
        variant,
        metric,
        count(*) as units,
        sum(x) as sum_x,
        sum(d) as sum_d,
        sum(y) as sum_y,
        sum(e) as sum_e,
        sum(x * x) as sum_xx,
        sum(x * d) as sum_xd,
        sum(x * y) as sum_xy,
        sum(x * e) as sum_xe,
        sum(d * d) as sum_dd,
        sum(d * y) as sum_dy,
        sum(d * e) as sum_de,
        sum(y * y) as sum_yy,
        sum(y * e) as sum_ye,
        sum(e * e) as sum_ee
    from {{ ref('int_experiment_values') }}
    group by all
),

moments as (
    select
        -- ids
        experiment,
        variant,
        metric,
        -- as they are defined
        experiments.app,
        metrics.kind,
        metrics.direction,
        metrics.is_primary,
        variants.is_control,
        variants.weight,
        experiments.alpha,
        experiments.power,
        experiments.minimum_detectable_effect,
        -- numbers
        coalesce(sums.units, 0) as units,
        cast(coalesce(columns(sums.* exclude (experiment, variant, metric, units)), 0) as decimal(38, 0))
    from {{ ref('experiments') }} as experiments
    inner join {{ ref('experiment_variants') }} as variants using (experiment)
    inner join {{ ref('experiment_metrics') }} as metrics using (experiment)
    left join sums using (experiment, variant, metric)
)

select * from moments
