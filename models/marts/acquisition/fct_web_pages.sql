with

sessions as not materialized (select * from {{ ref('int_sessions') }} where {{ is_counted() }}),

visited_pages as (
    select
        session_date as activity_date,
        app,
        page_name(entry_page, {{ kept_parameters() }}) as page,
        1 as entries,
        cast(is_bounce as integer) as bounces
    from sessions
    where entry_page is not null
    union all by name
    select
        session_date as activity_date,
        app,
        page_name(exit_page, {{ kept_parameters() }}) as page,
        1 as exits
    from sessions
    where exit_page is not null
    union all by name
    select
        activity_date,
        app,
        page,
        views,
        engaged_milliseconds,
        scroll_percent,
        scrolls
    from {{ ref('int_page_days') }}
),

web_pages as (
    select
        activity_date,
        app,
        page,
        cast(coalesce(sum(views), 0) as bigint) as views,
        cast(coalesce(sum(entries), 0) as bigint) as entries,
        cast(coalesce(sum(exits), 0) as bigint) as exits,
        cast(coalesce(sum(bounces), 0) as bigint) as bounces,
        sum(bounces) / nullif(sum(entries), 0) as bounce_rate,
        sum(engaged_milliseconds) / 1000 as engaged_seconds,
        sum(engaged_milliseconds) / 1000 / nullif(sum(views), 0) as engaged_seconds_per_view,
        cast(sum(scroll_percent) / nullif(sum(scrolls), 0) as double) as mean_scroll_percent
    from visited_pages
    group by activity_date, app, page
)

select * from web_pages
