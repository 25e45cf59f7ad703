with

active_gaps as (select * from {{ ref('int_active_gaps') }}),

person_days as not materialized (select * from {{ ref('int_person_days') }}),

app_days as (select * from {{ ref('int_app_days') }}),

int_sessions as not materialized (select * from {{ ref('int_sessions') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

-- page views of nobody are views without a visitor
viewed_days as (
    select
        app,
        activity_date as day,
        sum(page_views) as page_views
    from person_days
    group by app, activity_date
    union all
    select
        app,
        activity_date as day,
        unidentified_page_views as page_views
    from app_days
),

visited_days as (
    select
        segment,
        segment_value,
        activity_date as day,
        previous_activity_date as previous_day,
        persons,
        0 as page_views
    from active_gaps
    where segment in ('all', 'app')
    {% for segment, value in [('all', "'all'"), ('app', 'app')] %}
    union all
    select
        '{{ segment }}' as segment,
        {{ value }} as segment_value,
        day,
        null as previous_day,
        0 as persons,
        page_views
    from viewed_days
    {% endfor %}
),

-- a person is a visitor of a period on their first day in it: the active day before lies before the period
visits as (
    {{ in_every_period('visited_days', [
        'segment',
        'segment_value',
        'page_views',
        'case when coalesce(previous_day < period_start, true) then persons else 0 end as visitors',
    ]) }}
),

started_sessions as (
    select
        app,
        session_date as day,
        duration_seconds,
        is_bounce
    from int_sessions
),

sessions as (
    {% for segment, value in [('all', "'all'"), ('app', 'app')] %}
    select
        '{{ segment }}' as segment,
        {{ value }} as segment_value,
        *
    from ({{ in_every_period('started_sessions', ['app', 'duration_seconds', 'is_bounce']) }})
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- from the first period with an event to the last, so that a silent one is a zero and not a hole
segment_spans as (
    select
        segment,
        segment_value,
        period,
        min(period_start) as first_start,
        max(period_start) as last_start
    from visits
    group by segment, segment_value, period
),

periods as (
    select
        segment,
        segment_value,
        period,
        cast(unnest(generate_series(
            first_start,
            last_start,
            case period when 'day' then interval 1 day when 'week' then interval 7 day else interval 1 month end
        )) as date) as period_start
    from segment_spans
),

overviews as (
    {{ web_overview('visits', 'sessions', 'periods', ['segment', 'segment_value', 'period'], visitors_are_counted=true) | indent(4) }}
),

web_overview as (
    select
        overviews.period,
        overviews.period_start,
        overviews.segment,
        overviews.segment_value,
        overviews.visitors,
        overviews.views,
        overviews.sessions,
        overviews.avg_session_seconds,
        overviews.bounce_rate,
        case overviews.period
            {% for period in ['day', 'week', 'month'] -%}
            when '{{ period }}' then {{ shift_period('overviews.period_start', period, 1) }}
            {% endfor -%}
        end <= clocks.known_until as is_complete
    from overviews
    left join clocks
        on clocks.app is not distinct from case when overviews.segment = 'app' then overviews.segment_value end
)

select * from web_overview
