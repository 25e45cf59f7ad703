with

content_overview as (
    select
        period,
        period_start,
        level as segment,
        case when level = 'app' then app else 'all' end as segment_value,
        publications,
        views,
        unique_readers,
        read_seconds,
        starters,
        finishers,
        finishers / nullif(starters, 0) as completion_rate,
        likes + comments + shares + bookmarks + ratings as reactions,
        reactions / nullif(views, 0) as reactions_per_view,
        engagement_score,
        gained_followers,
        lost_followers,
        payments,
        revenue_cents,
        is_complete
    from {{ ref('int_content_periods') }}
    where level in ('all', 'app') and period != 'all'
)

select * from content_overview
