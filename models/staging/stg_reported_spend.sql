{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook='{{ mark_processed() }}',
) }}

with

landed as (
    select * from {{ source('landing', 'events') }}
    where filename in {{ unseen_files() }} and event_name = '$spend_reported'
),

report_copies as (
    select
        -- ids
        event_id,
        event_date,
        parse_filename(filename, true) as batch_id,
        file_row_number as row_number,
        -- strings
        app,
        (properties ->> '$.channel') as channel,
        (properties ->> '$.utm_campaign') as utm_campaign,
        (properties ->> '$.currency') as currency,
        -- numbers
        cast((properties ->> '$.amount') as decimal(18, 6)) as amount,
        cast((properties ->> '$.spend_cents') as bigint) as spend_cents,
        -- dates and timestamps (utc)
        cast((properties ->> '$.spend_date') as date) as spend_date,
        cast((properties ->> '$.reported_at') as timestamp) as reported_at
    from landed
)

select * from report_copies
