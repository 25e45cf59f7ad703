with

sessions as (select * from {{ ref('fct_sessions') }} where {{ is_counted() }}),

web_traffic as (
    select
        session_date,
        app,
        channel,
        traffic_source,
        traffic_medium,
        utm_campaign,
        count(*) as sessions,
        count(distinct person_id) as visitors,
        cast(sum(page_views) as bigint) as views,
        count(*) filter (where is_bounce) as bounces,
        count(*) filter (where is_bounce) / count(*) as bounce_rate,
        -- whole microseconds, so that the average does not depend on the order in which they are added
        avg(cast(round(duration_seconds * 1000000) as bigint)) / 1000000 as avg_session_seconds
    from sessions
    group by session_date, app, channel, traffic_source, traffic_medium, utm_campaign
)

select * from web_traffic
