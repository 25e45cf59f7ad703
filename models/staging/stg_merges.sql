{#- literal names let Parquet's own filters skip the row groups that hold no merge -#}
{%- set merges_in_catalog -%}
    select event_name from {{ ref('event_catalog') }} where is_merge
{%- endset -%}
{%- set merge_names = [] if not execute else run_query(merges_in_catalog).columns[0].values() | list -%}

with

landed as (

    select
        *,
        parse_filename(filename, true) as batch_id

    from {{ source('landing', 'events') }}

    where event_name in {{ literal_list(merge_names) }}

),

settled as (

    select landed.*

    from landed

    anti join {{ ref('stg_superseded_copies') }} as superseded
        on landed.batch_id = superseded.batch_id and landed.file_row_number = superseded.row_number

    where landed.batch_id in (select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies')

),

merges as (

    select
        event_id,
        event_date,
        occurred_at,
        coalesce(user_id, anonymous_id) as id,
        coalesce((properties ->> '$.previous_id'), (properties ->> '$.previousId'), (properties ->> '$.alias')) as other_id

    from settled

)

select * from merges
