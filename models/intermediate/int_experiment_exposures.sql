with

experiment_events as (
    select * from {{ ref('int_experiment_events') }}
    where event_name = 'experiment_exposed'
),

identities as (select * from {{ ref('int_identities') }}),

experiments as (
    select
        *,
        {{ utc_timestamp('cast(start_date as timestamp)') }} as started_at,
        {{ utc_timestamp('cast(end_date + 1 as timestamp)') }} as ended_at
    from {{ ref('experiments') }}
),

experiment_variants as (
    {{ variant_bounds(ref('experiment_variants')) }}
),

exposures as (
    select
        experiment_events.app,
        -- no key of a definition can be this
        coalesce(experiment_events.experiment, '(none)') as experiment,
        experiment_events.variant,
        experiment_events.occurred_at,
        experiment_events.event_id,
        case when experiments.unit = 'account' then experiment_events.account_id else identities.person_id end as unit_id,
        case experiments.unit
            when 'person' then coalesce(experiment_events.user_id, experiment_events.anonymous_id)
            when 'device' then coalesce(experiment_events.anonymous_id, experiment_events.user_id)
            else experiment_events.account_id
        end as assigned_id,
        case
            when experiments.experiment is null then 'unknown_experiment'
            when experiment_variants.variant is null then 'unknown_variant'
            when experiment_events.occurred_at < experiments.started_at or experiment_events.occurred_at >= experiments.ended_at then 'outside_dates'
            when unit_id is null then 'nobody'
        end as fault
    from experiment_events
    left join identities
        on experiment_events.identity_key = identities.identity_key
    left join experiments
        on experiment_events.experiment = experiments.experiment and experiment_events.app = experiments.app
    left join experiment_variants
        on experiments.experiment = experiment_variants.experiment and experiment_events.variant = experiment_variants.variant
),

-- one that is shown in one variant outside the dates and in another within them has seen the second alone, as far as the experiment goes
units as (
    select
        app,
        experiment,
        unit_id,
        count(case when fault is null then 1 end) as exposures,
        count(case when fault = 'unknown_experiment' then 1 end) as unknown_experiment_exposures,
        count(case when fault = 'unknown_variant' then 1 end) as unknown_variant_exposures,
        count(case when fault = 'outside_dates' then 1 end) as outside_dates_exposures,
        count(case when fault = 'nobody' then 1 end) as nobody_exposures,
        count(distinct case when fault is null then variant end) as variants,
        min(
            struct_pack(occurred_at := occurred_at, event_id := event_id, variant := variant, assigned_id := assigned_id)
        ) filter (where fault is null) as first_exposure
    from exposures
    group by app, experiment, unit_id
),

units_with_exposure as (
    select
        * exclude (first_exposure),
        first_exposure.variant as variant,
        first_exposure.assigned_id as assigned_id,
        first_exposure.occurred_at as exposed_at,
        case when variants > 1 then 'several_variants' when variants = 1 then 'counted' else 'faulty' end as outcome
    from units
),

units_with_assignment as (
    select
        -- ids
        units_with_exposure.unit_id,
        units_with_exposure.assigned_id,
        -- strings
        units_with_exposure.app,
        units_with_exposure.experiment,
        units_with_exposure.outcome,
        units_with_exposure.variant,
        experiment_variants.variant as assigned_variant,
        -- numbers
        units_with_exposure.exposures,
        units_with_exposure.unknown_experiment_exposures,
        units_with_exposure.unknown_variant_exposures,
        units_with_exposure.outside_dates_exposures,
        units_with_exposure.nobody_exposures,
        -- booleans
        units_with_exposure.variants > 0 and coalesce(units_with_exposure.variant != experiment_variants.variant, true) as is_misassigned,
        -- dates and timestamps (utc)
        {{ local_date('units_with_exposure.exposed_at') }} as exposed_date,
        units_with_exposure.exposed_at
    from units_with_exposure
    left join experiments
        on units_with_exposure.experiment = experiments.experiment and units_with_exposure.app = experiments.app
    left join experiment_variants
        on
            experiments.experiment = experiment_variants.experiment
            and {{ traffic_bucket('experiments.experiment', 'units_with_exposure.assigned_id') }} < 100 * experiments.traffic_percent
            and {{ variant_bucket('experiments.experiment', 'units_with_exposure.assigned_id', 'experiment_variants.total_weight') }}
            between experiment_variants.lower_bound and experiment_variants.upper_bound - 1
)

select * from units_with_assignment
