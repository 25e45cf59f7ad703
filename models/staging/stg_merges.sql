{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook='{{ mark_processed() }}',
) }}

with

landed as (
    select * from {{ source('landing', 'events') }}
    where filename in {{ unseen_files() }}
),

event_catalog as (select * from {{ ref('event_catalog') }}),

merge_copies as (
    select
        landed.event_id,
        landed.event_date,
        landed.app,
        coalesce(clean_id(landed.user_id), clean_id(landed.anonymous_id)) as id,
        coalesce(
            clean_id((landed.properties ->> '$.previous_id')),
            clean_id((landed.properties ->> '$.previousId')),
            clean_id((landed.properties ->> '$.alias'))
        ) as other_id,
        parse_filename(landed.filename, true) as batch_id,
        landed.file_row_number as row_number
    from landed
    inner join event_catalog
        on landed.event_name = event_catalog.event_name
    where event_catalog.is_merge
)

select * from merge_copies
