with

-- a unit counts in its variant, or among those that saw several, and in all
units as (
    select
        experiment,
        unnest([case when outcome = 'counted' then variant else 'several' end, 'all']) as variant,
        exposed_date as day,
        is_misassigned
    from {{ ref('int_experiment_exposures') }}
    where outcome != 'faulty'
),

counts as (
    select
        experiment,
        variant,
        period,
        period_start,
        count(*) as new_units,
        count(case when is_misassigned then 1 end) as misassigned_units
    from units
    inner join {{ ref('int_period_days') }} using (day)
    group by all
),

arms as (
    select
        experiment,
        variant
    from {{ ref('experiment_variants') }}
    union all
    select
        experiment,
        unnest(['all', 'several']) as variant
    from {{ ref('experiments') }}
),

-- from the first day of the experiment that has data to the last
arm_periods as (
    select
        experiments.experiment,
        experiments.app,
        arms.variant,
        periods.period,
        periods.period_start,
        periods.is_complete or coalesce(experiments.end_date < cast(periods.known_until as date), false) as is_complete
    from {{ ref('experiments') }} as experiments
    inner join arms using (experiment)
    inner join {{ ref('int_clock_periods') }} as periods
        on
            experiments.app = periods.clock
            and periods.period_end > greatest(experiments.start_date, periods.first_date)
            and periods.period_start <= coalesce(experiments.end_date, periods.last_date)
),

exposed_units as (
    select
        experiment,
        arm_periods.app,
        variant,
        period,
        period_start,
        coalesce(counts.new_units, 0) as new_units,
        coalesce(counts.misassigned_units, 0) as misassigned_units,
        cast(sum(coalesce(counts.new_units, 0)) over (partition by experiment, variant, period order by period_start) as bigint) as exposed_units,
        arm_periods.is_complete
    from arm_periods
    left join counts using (experiment, variant, period, period_start)
)

select * from exposed_units
