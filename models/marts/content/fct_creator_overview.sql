with

-- an item that nothing counted was done with has no rank
creator_items as (
    select
        items.app,
        items.creator_id,
        count(*) as items,
        max(items.published_at) as last_published_at,
        arg_min(items.content_id, (standing.engagement_rank, items.content_id)) filter (where standing.engagement_rank is not null) as top_content_id
    from {{ ref('int_content_items') }} as items
    left join {{ ref('fct_content_performance') }} as standing
        on items.app = standing.app and items.content_id = standing.content_id and standing.period = 'all'
    group by all
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
        coalesce(months.audience_persons, 0) as audience_persons,
        coalesce(months.casual_persons, 0) as casual_persons,
        coalesce(months.regular_persons, 0) as regular_persons,
        coalesce(months.loyal_persons, 0) as loyal_persons,
        creators.payments,
        creators.revenue_cents,
        creator_items.top_content_id,
        rank() over (peers order by creators.views desc) as view_rank,
        rank() over (peers order by creators.engagement_score desc) as engagement_rank,
        rank() over (peers order by creators.revenue_cents desc) as revenue_rank,
        median(creators.views) over peers as peers_median_views,
        median(creators.engagement_score) over peers as peers_median_engagement_score,
        median(creators.revenue_cents) over peers as peers_median_revenue_cents,
        creator_items.last_published_at,
        clocks.last_date as as_of_date
    from {{ ref('int_content_periods') }} as creators
    inner join {{ ref('int_data_clocks') }} as clocks using (app)
    left join creator_items using (app, creator_id)
    left join {{ ref('fct_creator_audience') }} as months
        on
            creators.app = months.app
            and creators.creator_id = months.creator_id
            and months.segment = 'all'
            and months.period_start = date_trunc('month', clocks.last_date)
    where creators.level = 'creator' and creators.period = 'all'
    window peers as (partition by app)
)

select * from creator_overview
