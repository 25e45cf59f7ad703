with

-- a counted finish follows a start, so that everybody here has started the part
reader_parts as (
    select
        app,
        creator_id,
        content_id,
        part,
        person_id,
        bool_or(is_last_part) as is_last_part,
        min(case event_name when 'part_started' then occurred_at end) as started_at,
        min(case event_name when 'part_finished' then occurred_at end) as finished_at,
        sum(read_seconds) as read_seconds,
        max(part) over (partition by app, content_id, person_id) as furthest_part
    from {{ ref('int_content_actions') }}
    where is_counted and person_id is not null and event_name in ('part_started', 'part_finished')
    group by app, creator_id, content_id, part, person_id
),

part_counts as (
    select
        app,
        content_id,
        creator_id,
        part,
        bool_or(is_last_part) as is_last_part,
        count(*) as starters,
        count(finished_at) as finishers,
        count(case when furthest_part > part then 1 end) as went_on,
        count(case when furthest_part = part then 1 end) as furthest_readers,
        count(case when furthest_part = part and (finished_at is null or not is_last_part) then 1 end) as dropped_readers,
        median(epoch_us(finished_at) - epoch_us(started_at)) / 1000000 as median_seconds_to_finish,
        cast(coalesce(sum(read_seconds), 0) as double) as read_seconds
    from reader_parts
    group by all
),

content_parts as (
    select
        app,
        content_id,
        creator_id,
        part,
        is_last_part,
        starters,
        finishers,
        finishers / starters as completion_rate,
        went_on,
        furthest_readers,
        dropped_readers,
        dropped_readers / starters as drop_off_rate,
        starters / sum(furthest_readers) over (partition by app, content_id) as reached_share,
        median_seconds_to_finish,
        read_seconds
    from part_counts
)

select * from content_parts
