{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

{%- set batches = literal_list(unseen_batches('int_event_copies')) -%}
{#- also the days of copies that lost and left their event as it was -#}
{%- set touched_days = dates_in(
    'select event_date from ' ~ ref('stg_events') ~ ' where batch_id in ' ~ batches ~ ' union select event_date from '
    ~ ref('stg_superseded_copies') ~ ' where batch_id in ' ~ batches
) if is_incremental() %}

with

superseded_copies as (
    select * from {{ ref('stg_superseded_copies') }}
    {% if is_incremental() -%}
    where event_date in {{ touched_days }}
    {%- endif %}
),

repeated_events as (
    select *
    from ({{ events_of_days(touched_days) | indent(4) }}) as events
    where {{ event_key() }} in (select {{ event_key() }} from superseded_copies)
),

event_copies as (
    select
        repeated_events.app,
        repeated_events.event_id,
        repeated_events.event_date,
        1 + count(*) as copies,
        count(*) filter (where superseded_copies.content_hash != repeated_events.written_hash) as conflicting_copies
    from repeated_events
    inner join superseded_copies
        on
            repeated_events.app = superseded_copies.app
            and repeated_events.event_id = superseded_copies.event_id
            and repeated_events.event_date = superseded_copies.event_date
    group by repeated_events.app, repeated_events.event_id, repeated_events.event_date
)

select * from event_copies
{{ rows_of_days(touched_days) }}
