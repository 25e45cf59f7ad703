{{ config(meta={'card': {
    'title': 'Sample of experiments',
    'definition': 'Units that were exposed to an experiment until the end of the period, by experiment.',
    'unit': 'units',
    'good': 'up',
    'owner': 'Experiments',
}}) }}

with

samples as (
    select
        period,
        period_start,
        'experiment' as segment,
        experiment as segment_value,
        cast(exposed_units as double) as metric_value,
        is_complete
    from {{ ref('fct_experiment_exposures') }}
    where variant = 'all'
)

select * from samples
