{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where
        page_url is not null
        and {{ is_counted() }}
        and (
            is_page_view or contains(properties, 'engagement_time_msec') or contains(properties, 'scroll_depth')
            or contains(properties, 'percent_scrolled') or contains(properties, '$prev_pageview_')
        )
        and {{ is_of_touched_days() }}
),

told as (
    select
        *,
        {{ local_date('occurred_at') }} as activity_date,
        json_extract_string(
            properties,
            [
                '$.engagement_time_msec', '$.scroll_depth', '$.percent_scrolled',
                '$."$prev_pageview_duration"', '$."$prev_pageview_max_scroll_percentage"', '$."$prev_pageview_pathname"'
            ]
        ) as texts
    from events
),

page_events as (
    select
        app,
        event_date,
        activity_date,
        page_name(page_url, {{ kept_parameters() }}) as page,
        -- PostHog says of a page what it was like when the next one is viewed
        case
            when texts[6] is not null then regexp_extract(page_url, '^[a-z]+://[^/?#]+') || texts[6]
            else page_name(page_url, {{ kept_parameters() }})
        end as engaged_page,
        is_page_view,
        coalesce(number_of(texts[1]), number_of(texts[4]) * 1000) as engaged_milliseconds,
        coalesce(number_of(texts[2]), number_of(texts[3]), number_of(texts[5]) * 100) as scroll_percent
    from told
),

-- a clock that jumped tells of no reading: nobody is engaged for more than a day at a time
page_facts as (
    select  -- noqa: AM07
        app,
        event_date,
        activity_date,
        page,
        cast(is_page_view as integer) as views,
        null as engaged_milliseconds,
        null as scroll_percent
    from page_events
    union all
    select
        app,
        event_date,
        activity_date,
        engaged_page as page,
        0 as views,
        case when engaged_milliseconds between 0 and 86400000 then cast(round(engaged_milliseconds) as bigint) end as engaged_milliseconds,
        case when scroll_percent between 0 and 100 then cast(scroll_percent as decimal(6, 3)) end as scroll_percent
    from page_events
    where engaged_milliseconds is not null or scroll_percent is not null
),

page_days as (
    select
        app,
        event_date,
        activity_date,
        page,
        cast(sum(views) as bigint) as views,
        cast(sum(engaged_milliseconds) as bigint) as engaged_milliseconds,
        cast(sum(scroll_percent) as decimal(38, 3)) as scroll_percent,
        count(scroll_percent) as scrolls
    from page_facts
    group by app, event_date, activity_date, page
)

select * from page_days
{{ replaced_rows(is_of_touched_days()) }}
