{{ config(meta={'card': {
    'title': 'New units in experiments',
    'definition': 'Units that were exposed to an experiment for the first time in the period, by experiment. A unit may be in several experiments.',
    'unit': 'units',
    'good': 'neutral',
    'owner': 'Experiments',
}}) }}

with

new_units_by_experiment as (
    select
        period,
        period_start,
        'experiment' as segment,
        experiment as segment_value,
        cast(new_units as double) as metric_value,
        is_complete
    from {{ ref('fct_experiment_exposures') }}
    where variant = 'all'
)

select * from new_units_by_experiment
