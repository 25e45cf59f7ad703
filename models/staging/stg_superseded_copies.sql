{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook='{{ mark_processed() }}',
) }}

{%- set new_files = landed_files(unseen_batches('stg_superseded_copies')) -%}

{#- built whole, reading a column of the files twice is cheaper than keeping every row of them -#}
{%- set kept = 'materialized' if is_incremental() else 'not materialized' -%}

with

landed as not materialized (
    select
        app,
        event_id,
        event_date,
        occurred_at,
        content_hash,
        stream_id,
        user_id,
        anonymous_id,
        session_id,
        filename,
        parse_filename(filename, true) as batch_id,
        file_row_number as row_number
    from {{ source('landing', 'events') }}
),

new_copies as {{ kept }} (
    select * exclude (filename) from landed where filename in {{ new_files }}
),

{% if is_incremental() %}
-- a copy repeats the event's day, so only the days that the new batches name are read again
known_copies as (
    select landed.* exclude (filename)
    from landed
    anti join {{ this }} as superseded
        on landed.batch_id = superseded.batch_id and landed.row_number = superseded.row_number
    where
        landed.event_date in {{ dates_in('select distinct event_date from ' ~ source('landing', 'events') ~ ' where filename in ' ~ new_files) }}
        and landed.batch_id in (select batch_id from plumbing.processed_batches where model_name = '{{ this.identifier }}')
        and {{ event_key() }} in (select {{ event_key() }} from new_copies)
),
{% endif %}

copies as {{ kept }} (
    select * from new_copies
    {% if is_incremental() %}
    union all
    select * from known_copies
    {% endif %}
),

-- a hash finds the few ids that may occur more than once; only those are ordered, by the ids themselves
repeated_keys as (
    select {{ event_key() }} as copy_key
    from copies
    group by copy_key
    having count(*) > 1
),

-- which copy stays depends on content alone; of identical ones the first landed stays
superseded_copies as (
    select
        * exclude (stream_id, user_id, anonymous_id, session_id),
        {{ landed_stream() | indent(8) }} as stream_id,
        clean_id(session_id) as session_id
    from copies
    where {{ event_key() }} in (select copy_key from repeated_keys)
    qualify
        row_number() over (
            partition by {{ event_identity() }} order by occurred_at, content_hash, batch_id, row_number
        ) > 1
)

select * from superseded_copies
