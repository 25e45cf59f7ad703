{%- set counts = [
    'publications', 'views', 'finished_parts', 'likes', 'comments', 'shares', 'bookmarks', 'ratings', 'gained_followers', 'lost_followers',
    'payments', 'revenue_cents',
] -%}
{%- set amounts = ['rating_sum', 'read_seconds', 'engagement_score'] -%}

with

content_reader_days as (select * from {{ ref('int_content_reader_days') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

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
        {% for measure in counts + amounts %}
        sum({{ measure }}) as {{ measure }},
        {% endfor %}
        coalesce(bool_or(has_finished), false) as has_finished
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
        {% for measure in counts + amounts %}
        sum({{ measure }}) as {{ measure }},
        {% endfor %}
        count(case when has_started and has_finished then 1 end) as finishers
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
        {% for count in counts %}
        cast(coalesce(level_periods.{{ count }}, 0) as bigint) as {{ count }},
        {% endfor %}
        {% for amount in amounts %}
        cast(coalesce(level_periods.{{ amount }}, 0) as double) as {{ amount }},
        {% endfor %}
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
