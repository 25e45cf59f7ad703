{#- what is summed of a unit: x, d, y, e and their products -#}
{%- set products = ['x', 'd', 'y', 'e', 'xx', 'xd', 'xy', 'xe', 'dd', 'dy', 'de', 'yy', 'ye', 'ee'] -%}

with

exposures as (
    select * from {{ ref('int_experiment_exposures') }}
    where outcome = 'counted'
),

experiments as (
    select
        *,
        {{ utc_timestamp('cast(end_date + 1 as timestamp)') }} as ended_at
    from {{ ref('experiments') }}
),

experiment_variants as (select * from {{ ref('experiment_variants') }}),

experiment_metrics as (select * from {{ ref('experiment_metrics') }}),

experiment_events as (
    select * from {{ ref('int_experiment_events') }}
    where event_name != 'experiment_exposed'
),

identities as (select * from {{ ref('int_identities') }}),

payments as (
    select * from {{ ref('int_payments') }}
    where revenue_cents != 0
),

outcomes as (
    select
        experiment_events.app,
        identities.person_id,
        experiment_events.account_id,
        experiment_events.event_name as source,
        experiment_events.occurred_at,
        1 as amount
    from experiment_events
    left join identities
        on experiment_events.identity_key = identities.identity_key
    union all
    select
        app,
        person_id,
        account_id,
        '$revenue' as source,
        occurred_at,
        revenue_cents as amount
    from payments
),

unit_outcomes as (
    select
        app,
        false as is_account,
        person_id as unit_id,
        source,
        occurred_at,
        amount
    from outcomes
    where person_id is not null
    union all
    select
        app,
        true as is_account,
        account_id as unit_id,
        source,
        occurred_at,
        amount
    from outcomes
    where account_id is not null
),

-- what a unit's metric is counted from, above and below the line
sources as (
    select
        experiments.experiment,
        experiments.app,
        experiments.unit = 'account' as is_account,
        experiments.ended_at,
        experiments.pre_period_days,
        experiment_metrics.metric,
        experiment_metrics.from_days,
        experiment_metrics.until_days,
        unnest([experiment_metrics.numerator, experiment_metrics.denominator]) as source,
        unnest([true, false]) as is_numerator
    from experiments
    inner join experiment_metrics
        on experiments.experiment = experiment_metrics.experiment
),

-- x and d after the first exposure; y and e, the same before it
outcome_sums as (
    select
        exposures.experiment,
        exposures.unit_id,
        sources.metric,
        unit_outcomes.amount,
        sources.is_numerator,
        unit_outcomes.occurred_at < exposures.exposed_at as is_before,
        case
            when is_before then unit_outcomes.occurred_at >= exposures.exposed_at - to_days(sources.pre_period_days)
            else
                unit_outcomes.occurred_at >= exposures.exposed_at + to_days(sources.from_days)
                and unit_outcomes.occurred_at
                < coalesce(exposures.exposed_at + to_days(sources.until_days), sources.ended_at, timestamp 'infinity')
        end as is_counted
    from exposures
    inner join sources
        on exposures.experiment = sources.experiment and exposures.app = sources.app
    inner join unit_outcomes
        on
            sources.app = unit_outcomes.app
            and sources.is_account = unit_outcomes.is_account
            and exposures.unit_id = unit_outcomes.unit_id
            and sources.source = unit_outcomes.source
),

found_values as (
    select
        experiment,
        unit_id,
        metric,
        sum(amount) filter (where is_numerator and not is_before) as x,
        sum(amount) filter (where not is_numerator and not is_before) as d,
        sum(amount) filter (where is_numerator and is_before) as y,
        sum(amount) filter (where not is_numerator and is_before) as e,
        count(case when amount > 0 and not is_before then 1 end) > 0 as is_converted,
        count(case when amount > 0 and is_before then 1 end) > 0 as was_converted
    from outcome_sums
    where is_counted
    group by experiment, unit_id, metric
),

-- whole numbers of 128 bits: their sums do not depend on the order of rows
unit_values as (
    select
        exposures.experiment,
        exposures.variant,
        experiment_metrics.metric,
        cast(
            case
                when experiment_metrics.kind = 'conversion' then cast(coalesce(found_values.is_converted, false) as integer)
                else coalesce(found_values.x, 0)
            end as hugeint
        ) as x,
        cast(case when experiment_metrics.kind = 'ratio' then coalesce(found_values.d, 0) else 1 end as hugeint) as d,
        cast(
            case
                when experiment_metrics.kind = 'conversion' then cast(coalesce(found_values.was_converted, false) as integer)
                else coalesce(found_values.y, 0)
            end as hugeint
        ) as y,
        cast(case when experiment_metrics.kind = 'ratio' then coalesce(found_values.e, 0) else 1 end as hugeint) as e
    from exposures
    inner join experiment_metrics
        on exposures.experiment = experiment_metrics.experiment
    left join found_values
        on
            exposures.experiment = found_values.experiment
            and exposures.unit_id = found_values.unit_id
            and experiment_metrics.metric = found_values.metric
),

sums as (
    select
        experiment,
        variant,
        metric,
        {% for factors in products %}
        sum({{ factors | list | join(' * ') }}) as sum_{{ factors }},
        {% endfor %}
        count(*) as units
    from unit_values
    group by experiment, variant, metric
),

moments as (
    select
        -- ids
        experiments.experiment,
        experiment_variants.variant,
        experiment_metrics.metric,
        -- as they are defined
        experiments.app,
        experiment_metrics.kind,
        experiment_metrics.direction,
        experiment_metrics.is_primary,
        experiment_variants.is_control,
        experiment_variants.weight,
        experiments.alpha,
        experiments.power,
        experiments.minimum_detectable_effect,
        -- numbers
        {% for factors in products %}
        cast(coalesce(sums.sum_{{ factors }}, 0) as decimal(38, 0)) as sum_{{ factors }},
        {% endfor %}
        coalesce(sums.units, 0) as units
    from experiments
    inner join experiment_variants
        on experiments.experiment = experiment_variants.experiment
    inner join experiment_metrics
        on experiments.experiment = experiment_metrics.experiment
    left join sums
        on
            experiments.experiment = sums.experiment
            and experiment_variants.variant = sums.variant
            and experiment_metrics.metric = sums.metric
)

select * from moments
