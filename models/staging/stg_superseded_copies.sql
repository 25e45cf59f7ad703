{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook='{{ mark_processed() }}',
) }}

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

new_copies as {{ 'materialized' if is_incremental() else 'not materialized' }} (
    select * exclude (filename)
    from landed
    where filename in {{ unseen_files() }}
),

-- a copy repeats the event's day, so only the days that the new batches name are read again
known_copies as (
    select landed.* exclude (filename)
    from landed
    anti join {{ this }} using (batch_id, row_number)
    where
        landed.event_date in {{
            dates_in('select distinct event_date from ' ~ source('landing', 'events') ~ ' where filename in ' ~ unseen_files())
            if is_incremental() else '(null)'
        }}
        and landed.batch_id in (select batch_id from plumbing.processed_batches where model_name = '{{ this.identifier }}')
        and event_key(app, event_id, event_date) in (select event_key(app, event_id, event_date) from new_copies)
),

-- built whole, reading a column of the files twice is cheaper than keeping every row of them
copies as {{ 'materialized' if is_incremental() else 'not materialized' }} (
    select * from new_copies
    {{ 'union all select * from known_copies' if is_incremental() }}
),

-- a hash finds the few ids that may occur more than once; only those are ordered, by the ids themselves
repeated_keys as (
    select event_key(app, event_id, event_date) as copy_key
    from copies
    group by copy_key
    having count(*) > 1
),

-- which copy stays depends on content alone; of identical ones the first landed stays
superseded_copies as (
    select
        * exclude (stream_id, user_id, anonymous_id, session_id),
        stream_key(app, clean_id(anonymous_id), clean_id(user_id), coalesce(anonymous_id, user_id), stream_id) as stream_id,
        clean_id(session_id) as session_id
    from copies
    where event_key(app, event_id, event_date) in (select copy_key from repeated_keys)
    qualify
        row_number() over (
            partition by app, event_id, event_date order by occurred_at, content_hash, batch_id, row_number
        ) > 1
)

select * from superseded_copies
