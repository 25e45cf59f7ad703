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

    select * from {{ ref('stg_events') }}

    {% if is_incremental() %}
    where event_date in {{ touched_days }}
    {% endif %}

),

picked_events as (

    {{ picked_events('events', analyses) | indent(4) }}

)

select * from picked_events
{% if is_incremental() %}
union all by name
select rowid as replaced_rowid
from {{ this }}
where event_date in {{ touched_days }}
{% endif %}
