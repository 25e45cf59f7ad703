{{ config(meta={'card': {
    'title': 'Units in several variants',
    'definition': 'Of the units that were first exposed in the period the share that saw several variants, then or later, by experiment; they are left out of its results. Null without any.',
    'unit': 'share',
    'good': 'down',
    'owner': 'Experiments',
}}) }}

with

several_variants_rates as (
    select
        period,
        period_start,
        'experiment' as segment,
        experiment as segment_value,
        sum(case when variant = 'several' then new_units end) / nullif(sum(case when variant = 'all' then new_units end), 0) as metric_value,
        any_value(is_complete) as is_complete
    from {{ ref('fct_experiment_exposures') }}
    group by period, period_start, experiment
)

select * from several_variants_rates
