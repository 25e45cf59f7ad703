-- A failing row is a fault of a definition in seeds/experiments.csv, experiment_variants.csv or experiment_metrics.csv, in words.
with

experiments as (select * from {{ ref('experiments') }}),

variants as (
    select
        experiment,
        count(*) as variants,
        count(case when is_control then 1 end) as controls
    from {{ ref('experiment_variants') }}
    group by experiment
),

metrics as (
    select
        experiment,
        count(case when is_primary then 1 end) as primary_metrics
    from {{ ref('experiment_metrics') }}
    group by experiment
),

-- a spelling that is reported under another name is never counted
misspelled_metrics as (
    select
        experiment_metrics.experiment,
        'counts ' || catalog.event_name || ', which is reported as ' || catalog.canonical_name as fault
    from {{ ref('experiment_metrics') }} as experiment_metrics
    inner join {{ ref('event_catalog') }} as catalog
        on catalog.event_name in (experiment_metrics.numerator, experiment_metrics.denominator) and catalog.event_name != catalog.canonical_name
),

faults as (
    select
        experiment,
        fault
    from misspelled_metrics
    union all
    select
        coalesce(experiments.experiment, variants.experiment, metrics.experiment) as experiment,
        case
            when experiments.experiment is null then 'has variants or metrics and no row in experiments.csv'
            when coalesce(variants.variants, 0) < 2 then 'needs at least two variants'
            when variants.controls != 1 then 'needs exactly one variant that is the control'
            when coalesce(metrics.primary_metrics, 0) != 1 then 'needs exactly one metric that is the primary one'
        end as fault
    from experiments
    full join variants
        on experiments.experiment = variants.experiment
    full join metrics
        on coalesce(experiments.experiment, variants.experiment) = metrics.experiment
)

select *

from faults

where fault is not null
