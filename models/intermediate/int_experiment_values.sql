{{ config(materialized='view') }}

with

exposures as (
    select * from {{ ref('int_experiment_exposures') }}
    where outcome = 'counted'
),

outcomes as (
    select
        events.app,
        identities.person_id,
        events.account_id,
        events.event_name as source,
        events.occurred_at,
        1 as amount
    from {{ ref('int_experiment_events') }} as events
    left join {{ ref('int_identities') }} as identities using (identity_key)
    where events.event_name != 'experiment_exposed'
    union all
    select
        app,
        person_id,
        account_id,
        '$revenue' as source,
        occurred_at,
        revenue_cents as amount
    from {{ ref('int_payments') }}
    where revenue_cents != 0
),

unit_outcomes as (
    select
        *,
        false as is_account,
        person_id as unit_id
    from outcomes
    where person_id is not null
    union all
    select
        *,
        true as is_account,
        account_id as unit_id
    from outcomes
    where account_id is not null
),

-- what a unit's metric is counted from, above and below the line
sources as (
    select
        *,
        unit = 'account' as is_account,
        unnest([numerator, denominator]) as source,
        unnest([true, false]) as is_numerator,
        {{ utc_timestamp('cast(end_date + 1 as timestamp)') }} as ended_at
    from {{ ref('experiments') }}
    inner join {{ ref('experiment_metrics') }} using (experiment)
),

-- windows are half-open; one that is not said ends with the experiment
found_outcomes as (
    select
        exposures.experiment,
        exposures.unit_id,
        sources.metric,
        sources.is_numerator,
        outcomes.amount,
        outcomes.occurred_at < exposures.exposed_at as is_before
    from exposures
    inner join sources using (app, experiment)
    inner join unit_outcomes as outcomes using (app, is_account, unit_id, source)
    where
        case
            when is_before then outcomes.occurred_at >= exposures.exposed_at - to_days(sources.pre_period_days)
            else
                outcomes.occurred_at >= exposures.exposed_at + to_days(sources.from_days)
                and outcomes.occurred_at < coalesce(exposures.exposed_at + to_days(sources.until_days), sources.ended_at, timestamp 'infinity')
        end
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
    from found_outcomes
    group by all
),

-- whole numbers of 128 bits: their sums do not depend on the order of rows
unit_values as (
    select
        experiment,
        metric,
        exposures.variant,
        unit_id,
        cast(coalesce(case when metrics.kind = 'conversion' then cast(found.is_converted as integer) else found.x end, 0) as hugeint) as x,
        cast(case when metrics.kind = 'ratio' then coalesce(found.d, 0) else 1 end as hugeint) as d,
        cast(coalesce(case when metrics.kind = 'conversion' then cast(found.was_converted as integer) else found.y end, 0) as hugeint) as y,
        cast(case when metrics.kind = 'ratio' then coalesce(found.e, 0) else 1 end as hugeint) as e
    from exposures
    inner join {{ ref('experiment_metrics') }} as metrics using (experiment)
    left join found_values as found using (experiment, metric, unit_id)
)

select * from unit_values
