with

exposures as (
    select * from {{ ref('int_experiment_exposures') }}
    where outcome != 'faulty'
),

experiments as (select * from {{ ref('experiments') }}),

experiment_variants as (select * from {{ ref('experiment_variants') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

calendar as (
    {{ calendar_of('clocks') }}
),

-- a unit counts in its variant, or among those that saw several, and in all
units as (
    select
        experiment,
        unnest([case when outcome = 'counted' then variant else 'several' end, 'all']) as variant,
        exposed_date as day,
        is_misassigned
    from exposures
),

period_units as (
    {{ in_every_period('units', ['experiment', 'variant', 'is_misassigned']) | indent(4) }}
),

counts as (
    select
        experiment,
        variant,
        period,
        period_start,
        count(*) as new_units,
        count(case when is_misassigned then 1 end) as misassigned_units
    from period_units
    group by experiment, variant, period, period_start
),

arms as (
    select
        experiment,
        variant
    from experiment_variants
    union all
    select
        experiment,
        unnest(['all', 'several']) as variant
    from experiments
),

-- from the first day of the experiment that has data to the last
arm_periods as (
    select
        experiments.experiment,
        experiments.app,
        arms.variant,
        calendar.period,
        calendar.period_start,
        calendar.next_period_start <= clocks.known_until
        or coalesce(experiments.end_date < cast(clocks.known_until as date), false) as is_complete
    from experiments
    inner join arms
        on experiments.experiment = arms.experiment
    inner join clocks
        on experiments.app = clocks.app
    inner join calendar
        on
            calendar.next_period_start > greatest(experiments.start_date, clocks.first_date)
            and calendar.period_start <= least(experiments.end_date, clocks.last_date)
),

exposed_units as (
    select
        arm_periods.experiment,
        arm_periods.app,
        arm_periods.variant,
        arm_periods.period,
        arm_periods.period_start,
        coalesce(counts.new_units, 0) as new_units,
        coalesce(counts.misassigned_units, 0) as misassigned_units,
        cast(
            sum(coalesce(counts.new_units, 0)) over (
                partition by arm_periods.experiment, arm_periods.variant, arm_periods.period order by arm_periods.period_start
            ) as bigint
        ) as exposed_units,
        arm_periods.is_complete
    from arm_periods
    left join counts
        on
            arm_periods.experiment = counts.experiment
            and arm_periods.variant = counts.variant
            and arm_periods.period = counts.period
            and arm_periods.period_start = counts.period_start
)

select * from exposed_units
