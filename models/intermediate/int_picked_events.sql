{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}
-- depends_on: {{ ref('funnels') }}, {{ ref('funnel_steps') }}, {{ ref('funnel_exclusions') }}
-- depends_on: {{ ref('retentions') }}, {{ ref('conversions') }}, {{ ref('event_catalog') }}

with

events as (
    select * from {{ ref('stg_events') }}
    where {{ is_of_touched_days() }}
),

picked_events as (
    {{ picked_events('events', configured('analyses')) | indent(4) }}
)

select * from picked_events
{{ replaced_rows(is_of_touched_days()) }}
