with

rolled_up_periods as (
    select
        period,
        period_start,
        case grouping(app, creator_id, content_id) when 0 then 'item' when 1 then 'creator' when 3 then 'app' else 'all' end as level,
        coalesce(app, '') as clock,
        coalesce(creator_id, '') as creator_id,
        coalesce(content_id, '') as content_id,
        min(first_date) as first_date,
        count(distinct case when views > 0 then person_id end) as unique_readers,
        count(case when has_started then 1 end) as starters,
        count(case when has_started and has_finished then 1 end) as finishers,
        sum(columns(* exclude (period, period_start, app, creator_id, content_id, person_id, first_date, has_started, has_finished)))
    from {{ ref('int_content_reader_periods') }}
    group by period, period_start, rollup(app, creator_id, content_id)
),

-- what belongs to no item counts for its creator
level_periods as (
    select *
    from rolled_up_periods
    where level != 'item' or content_id != ''
),

calendar as (
    select
        clock,
        period,
        period_start,
        period_end,
        is_complete
    from {{ ref('int_clock_periods') }}
    where period != 'day'
    union all
    select distinct
        clock,
        'all' as period,
        min(first_date) over () as period_start,
        last_date + 1 as period_end,
        false as is_complete
    from {{ ref('int_clock_periods') }}
),

-- from the first day of an item or creator to the end of the data, so that a silent period is a zero and not a hole
level_calendar as (
    select
        levels.level,
        levels.creator_id,
        levels.content_id,
        levels.first_date,
        calendar.*
    from level_periods as levels
    inner join calendar using (clock)
    where levels.period = 'all' and calendar.period_end > levels.first_date
),

content_periods as (
    select
        period,
        period_start,
        level,
        clock as app,
        creator_id,
        content_id,
        coalesce(level_periods.unique_readers, 0) as unique_readers,
        coalesce(level_periods.starters, 0) as starters,
        coalesce(level_periods.finishers, 0) as finishers,
        cast(coalesce(level_periods.publications, 0) as bigint) as publications,
        cast(coalesce(level_periods.views, 0) as bigint) as views,
        cast(coalesce(level_periods.finished_parts, 0) as bigint) as finished_parts,
        cast(coalesce(level_periods.likes, 0) as bigint) as likes,
        cast(coalesce(level_periods.comments, 0) as bigint) as comments,
        cast(coalesce(level_periods.shares, 0) as bigint) as shares,
        cast(coalesce(level_periods.bookmarks, 0) as bigint) as bookmarks,
        cast(coalesce(level_periods.ratings, 0) as bigint) as ratings,
        cast(coalesce(level_periods.gained_followers, 0) as bigint) as gained_followers,
        cast(coalesce(level_periods.lost_followers, 0) as bigint) as lost_followers,
        cast(coalesce(level_periods.payments, 0) as bigint) as payments,
        cast(coalesce(level_periods.revenue_cents, 0) as bigint) as revenue_cents,
        cast(coalesce(level_periods.rating_sum, 0) as double) as rating_sum,
        cast(coalesce(level_periods.read_seconds, 0) as double) as read_seconds,
        cast(coalesce(level_periods.engagement_score, 0) as double) as engagement_score,
        level_calendar.first_date <= period_start as is_whole,
        is_complete
    from level_calendar
    left join level_periods using (level, clock, creator_id, content_id, period, period_start)
)

select * from content_periods
