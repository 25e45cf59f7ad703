with

content_reader_days as (

    select * from {{ ref('int_content_reader_days') }}

),

clocks as (

    {{ local_clocks(ref('int_data_clocks')) }}

),

every_calendar as (

    {{ calendar_of('clocks') }}

),

-- items are looked at by the week, by the month and over all time
calendar as (

    select
        period,
        period_start,
        next_period_start

    from every_calendar

    where period != 'day'

    union all

    select
        'all' as period,
        first_date as period_start,
        last_date + 1 as next_period_start

    from clocks

    where app is null and first_date is not null

),

every_period_days as (

    {{ in_every_period('content_reader_days', ['*']) | indent(4) }}

),

period_days as (

    select * from every_period_days

    where period != 'day'

    union all

    select
        calendar.period,
        calendar.period_start,
        content_reader_days.*

    from content_reader_days

    inner join calendar
        on calendar.period = 'all'

),

-- what one person did with one item in one period, so that persons are counted once
reader_periods as (

    select
        period,
        period_start,
        app,
        creator_id,
        content_id,
        person_id,
        min(day) as first_date,
        coalesce(bool_or(has_started), false) and person_id is not null as has_started,
        coalesce(bool_or(has_finished), false) as has_finished,
        sum(publications) as publications,
        sum(views) as views,
        sum(finished_parts) as finished_parts,
        sum(likes) as likes,
        sum(comments) as comments,
        sum(shares) as shares,
        sum(bookmarks) as bookmarks,
        sum(ratings) as ratings,
        sum(gained_followers) as gained_followers,
        sum(lost_followers) as lost_followers,
        sum(payments) as payments,
        sum(revenue_cents) as revenue_cents,
        sum(rating_sum) as rating_sum,
        sum(read_seconds) as read_seconds,
        sum(engagement_score) as engagement_score

    from period_days

    group by period, period_start, app, creator_id, content_id, person_id

),

level_periods as (

    select
        period,
        period_start,
        case grouping(app, creator_id, content_id) when 0 then 'item' when 1 then 'creator' when 3 then 'app' else 'all' end as level,
        app,
        creator_id,
        content_id,
        min(first_date) as first_date,
        count(distinct case when views > 0 then person_id end) as unique_readers,
        count(case when has_started then 1 end) as starters,
        count(case when has_started and has_finished then 1 end) as finishers,
        sum(publications) as publications,
        sum(views) as views,
        sum(finished_parts) as finished_parts,
        sum(likes) as likes,
        sum(comments) as comments,
        sum(shares) as shares,
        sum(bookmarks) as bookmarks,
        sum(ratings) as ratings,
        sum(gained_followers) as gained_followers,
        sum(lost_followers) as lost_followers,
        sum(payments) as payments,
        sum(revenue_cents) as revenue_cents,
        sum(rating_sum) as rating_sum,
        sum(read_seconds) as read_seconds,
        sum(engagement_score) as engagement_score

    from reader_periods

    group by period, period_start, rollup(app, creator_id, content_id)

    -- what belongs to no item counts for its creator
    having grouping(content_id) = 1 or content_id is not null

),

-- from the first day of an item or creator to the end of the data, so that a silent period is a zero and not a hole
spans as (

    select
        level_periods.level,
        level_periods.app,
        level_periods.creator_id,
        level_periods.content_id,
        level_periods.first_date,
        calendar.period,
        calendar.period_start,
        calendar.period != 'all' and calendar.next_period_start <= clocks.known_until as is_complete

    from level_periods

    inner join clocks
        on level_periods.app is not distinct from clocks.app

    inner join calendar
        on calendar.next_period_start > level_periods.first_date and calendar.period_start <= clocks.last_date

    where level_periods.period = 'all'

),

content_periods as (

    select
        spans.period,
        spans.period_start,
        spans.level,
        spans.app,
        spans.creator_id,
        spans.content_id,
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
        spans.first_date <= spans.period_start as is_whole,
        spans.is_complete

    from spans

    left join level_periods
        on
            spans.period = level_periods.period
            and spans.period_start = level_periods.period_start
            and spans.level = level_periods.level
            and spans.app is not distinct from level_periods.app
            and spans.creator_id is not distinct from level_periods.creator_id
            and spans.content_id is not distinct from level_periods.content_id

)

select * from content_periods
