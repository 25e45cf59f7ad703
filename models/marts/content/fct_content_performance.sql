with

ranked_items as (
    select
        *,
        finishers / nullif(starters, 0) as completion_rate,
        rank() over (partition by app, period, period_start order by views desc) as view_rank,
        rank() over (partition by app, period, period_start order by engagement_score desc) as engagement_rank,
        rank() over (partition by app, period, period_start order by revenue_cents desc) as revenue_rank
    from {{ ref('int_content_periods') }}
    where level = 'item'
),

-- an item's first period began without it, so nothing is compared with that
items_with_peers as (
    select
        *,
        case when lag(is_whole) over history then lag(views) over history end as previous_views,
        case when lag(is_whole) over history then lag(engagement_score) over history end as previous_engagement_score,
        case when lag(is_whole) over history then lag(engagement_rank) over history end as previous_engagement_rank,
        median(views) over peers as peers_median_views,
        median(engagement_score) over peers as peers_median_engagement_score,
        median(completion_rate) over peers as peers_median_completion_rate
    from ranked_items
    window
        history as (partition by app, content_id, period order by period_start),
        peers as (partition by app, period, period_start)
),

content_performance as (
    select
        period,
        period_start,
        app,
        content_id,
        items_with_peers.creator_id,
        views,
        unique_readers,
        read_seconds,
        starters,
        finishers,
        completion_rate,
        finished_parts,
        likes,
        comments,
        shares,
        bookmarks,
        ratings,
        rating_sum / nullif(ratings, 0) as mean_rating,
        engagement_score,
        payments,
        revenue_cents,
        view_rank,
        engagement_rank,
        revenue_rank,
        previous_views,
        views / nullif(previous_views, 0) - 1 as views_change,
        previous_engagement_score,
        engagement_score / nullif(previous_engagement_score, 0) - 1 as engagement_change,
        previous_engagement_rank - engagement_rank as ranks_gained,
        peers_median_views,
        peers_median_engagement_score,
        peers_median_completion_rate,
        published_parts,
        published_at,
        is_complete
    from items_with_peers
    inner join {{ ref('int_content_items') }} using (app, content_id)
)

select * from content_performance
