{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

experiments as (select * from {{ ref('experiments') }}),

experiment_metrics as (select * from {{ ref('experiment_metrics') }}),

outcome_names as (
    select distinct
        experiments.app,
        unnest([experiment_metrics.numerator, experiment_metrics.denominator]) as event_name
    from experiment_metrics
    inner join experiments
        on experiment_metrics.experiment = experiments.experiment
),

events as (
    select * from {{ ref('stg_events') }}
    where event_name in {{ experiment_event_names() }} and {{ is_of_touched_days() }}
),

experiment_events as (
    select
        -- ids
        event_id,
        identity_key,
        account_id,
        -- strings
        app,
        event_name,
        -- of exposures: what was shown to whom, as the sender could know it
        case when event_name = 'experiment_exposed' then nullif(experiment, '') end as experiment,
        case when event_name = 'experiment_exposed' then nullif(variant, '') end as variant,
        case when event_name = 'experiment_exposed' then user_id end as user_id,
        case when event_name = 'experiment_exposed' then anonymous_id end as anonymous_id,
        -- dates and timestamps (utc)
        event_date,
        occurred_at
    from events
    where event_name = 'experiment_exposed' or (app, event_name) in (select (app, event_name) from outcome_names)
)

select * from experiment_events
{{ replaced_rows(is_of_touched_days()) }}
