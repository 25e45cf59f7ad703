{%- set peers = 'over (partition by creators.app)' -%}

with

creators as (
    select * from {{ ref('int_content_periods') }}
    where level = 'creator' and period = 'all'
),

content_items as (select * from {{ ref('int_content_items') }}),

content_performance as (
    select * from {{ ref('fct_content_performance') }}
    where period = 'all'
),

creator_audience as (
    select * from {{ ref('fct_creator_audience') }}
    where segment = 'all'
),

clocks as (select * from {{ ref('int_data_clocks') }}),

creator_items as (
    select
        app,
        creator_id,
        count(*) as items,
        max(published_at) as last_published_at
    from content_items
    group by app, creator_id
),

top_items as (
    select
        app,
        creator_id,
        arg_min(content_id, (engagement_rank, content_id)) as top_content_id
    from content_performance
    group by app, creator_id
),

creator_overview as (
    select
        creators.app,
        creators.creator_id,
        coalesce(creator_items.items, 0) as items,
        creators.views,
        creators.unique_readers,
        creators.read_seconds,
        creators.starters,
        creators.finishers,
        creators.finishers / nullif(creators.starters, 0) as completion_rate,
        creators.likes,
        creators.comments,
        creators.shares,
        creators.bookmarks,
        creators.ratings,
        creators.rating_sum / nullif(creators.ratings, 0) as mean_rating,
        creators.engagement_score,
        creators.gained_followers - creators.lost_followers as followers,
        coalesce(creator_audience.audience_persons, 0) as audience_persons,
        coalesce(creator_audience.casual_persons, 0) as casual_persons,
        coalesce(creator_audience.regular_persons, 0) as regular_persons,
        coalesce(creator_audience.loyal_persons, 0) as loyal_persons,
        creators.payments,
        creators.revenue_cents,
        top_items.top_content_id,
        rank() over (partition by creators.app order by creators.views desc) as view_rank,
        rank() over (partition by creators.app order by creators.engagement_score desc) as engagement_rank,
        rank() over (partition by creators.app order by creators.revenue_cents desc) as revenue_rank,
        median(creators.views) {{ peers }} as peers_median_views,
        median(creators.engagement_score) {{ peers }} as peers_median_engagement_score,
        median(creators.revenue_cents) {{ peers }} as peers_median_revenue_cents,
        creator_items.last_published_at,
        clocks.last_date as as_of_date
    from creators
    inner join clocks
        on creators.app = clocks.app
    left join creator_items
        on creators.app = creator_items.app and creators.creator_id = creator_items.creator_id
    left join top_items
        on creators.app = top_items.app and creators.creator_id = top_items.creator_id
    left join creator_audience
        on
            creators.app = creator_audience.app
            and creators.creator_id = creator_audience.creator_id
            and creator_audience.period_start = date_trunc('month', clocks.last_date)
)

select * from creator_overview
