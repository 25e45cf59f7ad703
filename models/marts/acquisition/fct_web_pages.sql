with

sessions as not materialized (select * from {{ ref('int_sessions') }} where {{ is_counted_session() }}),

-- the address without its query and fragment, which tell visits of one page apart
visited_pages as (
    select
        session_date,
        app,
        page_of(entry_page) as page,
        1 as entries,
        0 as exits,
        cast(is_bounce as integer) as bounces
    from sessions
    where entry_page is not null
    union all
    select
        session_date,
        app,
        page_of(exit_page) as page,
        0 as entries,
        1 as exits,
        0 as bounces
    from sessions
    where exit_page is not null
),

web_pages as (
    select
        session_date,
        app,
        page,
        cast(sum(entries) as bigint) as entries,
        cast(sum(exits) as bigint) as exits,
        cast(sum(bounces) as bigint) as bounces,
        sum(bounces) / nullif(sum(entries), 0) as bounce_rate
    from visited_pages
    group by session_date, app, page
)

select * from web_pages
