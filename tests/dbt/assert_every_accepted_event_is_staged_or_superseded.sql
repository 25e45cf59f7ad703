-- A failing row is a batch whose accepted events, as its manifest counts them, are not all staged or superseded, or a copy that is said to be
-- superseded though no event of its app, id and day is staged: something was lost on the way, without a word.

with

-- the empty one, which is there for readers' sake, is of no batch
manifests as (
    select
        parse_filename(filename, true) as batch_id,
        cast((content ->> '$.accepted') as bigint) as accepted
    from read_text('{{ landing_path() }}/batches/*.json')
    where content != ''
),

batches as (
    select * from manifests
    where
        batch_id in (select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies')
        and {{ is_unproven() }}
),

staged_events as (select * from {{ ref('stg_events') }}),

reports_of_spend as (
    select
        batch_id,
        row_number
    from {{ ref('stg_reported_spend') }}
    where {{ is_unproven() }}
),

-- reports of spend are staged apart, with the copies that lost
superseded_copies as (
    select superseded.*
    from {{ ref('stg_superseded_copies') }} as superseded
    anti join reports_of_spend
        on superseded.batch_id = reports_of_spend.batch_id and superseded.row_number = reports_of_spend.row_number
    where {{ is_unproven() }}
),

accounted_rows as (
    select batch_id from staged_events
    where {{ is_unproven() }}
    union all
    select batch_id from superseded_copies
    union all
    select batch_id from reports_of_spend
),

accounted_batches as (
    select
        batch_id,
        count(*) as accounted
    from accounted_rows
    group by batch_id
),

lost_events as (
    select
        batches.batch_id,
        null as event_id,
        batches.accepted,
        coalesce(accounted_batches.accounted, 0) as accounted
    from batches
    left join accounted_batches
        on batches.batch_id = accounted_batches.batch_id
    where batches.accepted != coalesce(accounted_batches.accounted, 0)
),

superseding_keys as (
    select event_key(app, event_id, event_date) as event_key
    from staged_events
    where
        {{ is_of_unproven_days('event_date') }}
        and event_key(app, event_id, event_date) in (select event_key(app, event_id, event_date) from superseded_copies)
),

copies_of_nothing as (
    select
        batch_id,
        event_id,
        null as accepted,
        null as accounted
    from superseded_copies
    where event_key(app, event_id, event_date) not in (select event_key from superseding_keys)
),

faults as (
    select * from lost_events
    union all
    select * from copies_of_nothing
)

select * from faults
