{%- set item_history = 'over (partition by app, content_id, period order by period_start)' -%}
{%- set peers = 'over (partition by app, period, period_start)' -%}

with

content_periods as (
    select * from {{ ref('int_content_periods') }}
    where level = 'item'
),

content_items as (select * from {{ ref('int_content_items') }}),

ranked_items as (
    select
        *,
        finishers / nullif(starters, 0) as completion_rate,
        rank() over (partition by app, period, period_start order by views desc) as view_rank,
        rank() over (partition by app, period, period_start order by engagement_score desc) as engagement_rank,
        rank() over (partition by app, period, period_start order by revenue_cents desc) as revenue_rank
    from content_periods
),

-- an item's first period began without it, so nothing is compared with that
items_with_peers as (
    select
        *,
        case when lag(is_whole) {{ item_history }} then lag(views) {{ item_history }} end as previous_views,
        case when lag(is_whole) {{ item_history }} then lag(engagement_score) {{ item_history }} end as previous_engagement_score,
        case when lag(is_whole) {{ item_history }} then lag(engagement_rank) {{ item_history }} end as previous_engagement_rank,
        median(views) {{ peers }} as peers_median_views,
        median(engagement_score) {{ peers }} as peers_median_engagement_score,
        median(completion_rate) {{ peers }} as peers_median_completion_rate
    from ranked_items
),

content_performance as (
    select
        items_with_peers.period,
        items_with_peers.period_start,
        items_with_peers.app,
        items_with_peers.content_id,
        items_with_peers.creator_id,
        items_with_peers.views,
        items_with_peers.unique_readers,
        items_with_peers.read_seconds,
        items_with_peers.starters,
        items_with_peers.finishers,
        items_with_peers.completion_rate,
        items_with_peers.finished_parts,
        items_with_peers.likes,
        items_with_peers.comments,
        items_with_peers.shares,
        items_with_peers.bookmarks,
        items_with_peers.ratings,
        items_with_peers.rating_sum / nullif(items_with_peers.ratings, 0) as mean_rating,
        items_with_peers.engagement_score,
        items_with_peers.payments,
        items_with_peers.revenue_cents,
        items_with_peers.view_rank,
        items_with_peers.engagement_rank,
        items_with_peers.revenue_rank,
        items_with_peers.previous_views,
        items_with_peers.views / nullif(items_with_peers.previous_views, 0) - 1 as views_change,
        items_with_peers.previous_engagement_score,
        items_with_peers.engagement_score / nullif(items_with_peers.previous_engagement_score, 0) - 1 as engagement_change,
        items_with_peers.previous_engagement_rank - items_with_peers.engagement_rank as ranks_gained,
        items_with_peers.peers_median_views,
        items_with_peers.peers_median_engagement_score,
        items_with_peers.peers_median_completion_rate,
        content_items.published_parts,
        content_items.published_at,
        items_with_peers.is_complete
    from items_with_peers
    inner join content_items
        on items_with_peers.app = content_items.app and items_with_peers.content_id = content_items.content_id
)

select * from content_performance
