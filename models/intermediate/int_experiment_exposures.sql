with

-- the variants of an experiment share its total weight in the order of their names, each from its lower bound up to its upper one
variant_bounds as (
    select
        experiment,
        variant,
        cast(sum(weight) over up_to_here as bigint) as upper_bound,
        upper_bound - weight as lower_bound,
        cast(sum(weight) over (partition by experiment) as bigint) as total_weight
    from {{ ref('experiment_variants') }}
    window up_to_here as (partition by experiment order by variant)
),

exposures as (
    select
        events.app,
        -- no key of a definition can be this
        coalesce(events.experiment, '(none)') as experiment,
        events.variant,
        events.occurred_at,
        events.event_id,
        case when experiments.unit = 'account' then events.account_id else identities.person_id end as unit_id,
        case experiments.unit
            when 'person' then coalesce(events.user_id, events.anonymous_id)
            when 'device' then coalesce(events.anonymous_id, events.user_id)
            else events.account_id
        end as assigned_id,
        case
            when experiments.experiment is null then 'unknown_experiment'
            when variants.variant is null then 'unknown_variant'
            when events.occurred_at < {{ utc_timestamp('cast(experiments.start_date as timestamp)') }} then 'outside_dates'
            when events.occurred_at >= {{ utc_timestamp('cast(experiments.end_date + 1 as timestamp)') }} then 'outside_dates'
            when unit_id is null then 'nobody'
        end as fault
    from {{ ref('int_experiment_events') }} as events
    left join {{ ref('experiments') }} as experiments using (app, experiment)
    left join {{ ref('int_identities') }} as identities using (identity_key)
    left join {{ ref('experiment_variants') }} as variants
        on experiments.experiment = variants.experiment and events.variant = variants.variant
    where events.event_name = 'experiment_exposed'
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
            struct_pack(exposed_at := occurred_at, event_id := event_id, variant := variant, assigned_id := assigned_id)
        ) filter (where fault is null) as first_exposure
    from exposures
    group by all
),

units_with_exposure as (
    select
        * exclude (variants, first_exposure),
        first_exposure.variant as variant,
        first_exposure.assigned_id as assigned_id,
        first_exposure.exposed_at as exposed_at,
        {{ local_date('first_exposure.exposed_at') }} as exposed_date,
        case when variants > 1 then 'several_variants' when variants = 1 then 'counted' else 'faulty' end as outcome
    from units
),

-- whom the hash gives which variant
assignments as (
    select
        units.app,
        units.experiment,
        units.unit_id,
        variants.variant as assigned_variant
    from units_with_exposure as units
    inner join {{ ref('experiments') }} as experiments
        on units.app = experiments.app and units.experiment = experiments.experiment
    inner join variant_bounds as variants
        on units.experiment = variants.experiment
    where
        experiments.assigned_by = 'footfall'
        and traffic_bucket(units.experiment, units.assigned_id) < 100 * experiments.traffic_percent
        and variant_bucket(units.experiment, units.assigned_id, variants.total_weight) between variants.lower_bound and variants.upper_bound - 1
),

units_with_assignment as (
    select
        units.*,
        assignments.assigned_variant,
        -- who is assigned elsewhere was never given a variant by the hash
        coalesce(experiments.assigned_by = 'footfall', false)
        and units.outcome != 'faulty' and coalesce(units.variant != assignments.assigned_variant, true) as is_misassigned
    from units_with_exposure as units
    left join {{ ref('experiments') }} as experiments using (app, experiment)
    left join assignments
        on units.app = assignments.app and units.experiment = assignments.experiment and units.unit_id = assignments.unit_id
)

select * from units_with_assignment
