-- The failing row says that the sessions do not hold each event with an id that is not passive exactly once. Events are counted without
-- reading them: rows of the landing files that were taken in, less the copies that lost; only those without any id and passive ones are
-- looked for, and reports of spend, which come through the same door.
with

landed as (
    select sum(files.num_rows) as copies
    from parquet_file_metadata('{{ env_var('FOOTFALL_HOME', '.footfall') }}/landing/events/*/*.parquet') as files
    where
        parse_filename(files.file_name, true) in (
            select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies'
        )
),

superseded as (
    select count(*) as copies from {{ ref('stg_superseded_copies') }}
),

beside_sessions as (
    select count(*) as events from {{ ref('stg_events') }} where stream_id is null or is_passive
),

reported_spend as (
    select count(*) as reports
    from {{ ref('stg_reported_spend') }} as reported
    anti join {{ ref('stg_superseded_copies') }} as superseded
        on reported.batch_id = superseded.batch_id and reported.row_number = superseded.row_number
),

in_sessions as (
    select coalesce(sum(events - passive_events), 0) as events from {{ ref('int_sessions') }}
),

counted as (
    select
        coalesce(landed.copies, 0) - superseded.copies - beside_sessions.events - reported_spend.reports as events_to_hold,
        in_sessions.events as events_in_sessions
    from landed
    cross join superseded
    cross join beside_sessions
    cross join reported_spend
    cross join in_sessions
)

select * from counted where events_to_hold != events_in_sessions
