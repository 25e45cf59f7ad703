{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}
-- depends_on: {{ ref('funnels') }}, {{ ref('funnel_steps') }}, {{ ref('funnel_exclusions') }}
-- depends_on: {{ ref('retentions') }}, {{ ref('conversions') }}, {{ ref('event_catalog') }}

{%- set analyses = configured_analyses() -%}
{%- set batches = unseen_batches('int_picked_events') -%}
{%- set touched_days = touched_event_dates(batches) if is_incremental() %}

with

events as (
    {{ events_of_days(touched_days) }}
),

picked_events as (
    {{ picked_events('events', analyses) | indent(4) }}
)

select * from picked_events
{{ rows_of_days(touched_days) }}
