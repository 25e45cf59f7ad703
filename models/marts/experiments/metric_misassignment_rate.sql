{{ config(meta={'card': {
    'title': 'Units in the wrong variant',
    'definition': 'Of the units that were first exposed in the period the share that was shown another variant than the hash gives them, by experiment. Null without any.',
    'unit': 'share',
    'good': 'down',
    'owner': 'Experiments',
}}) }}

with

misassignment_rates as (
    select
        period,
        period_start,
        'experiment' as segment,
        experiment as segment_value,
        misassigned_units / nullif(new_units, 0) as metric_value,
        is_complete
    from {{ ref('fct_experiment_exposures') }}
    where variant = 'all'
)

select * from misassignment_rates
