with

creator_periods as (
    select
        *,
        cast(sum(gained_followers - lost_followers) over history as bigint) as followers,
        -- a creator's first period began without them, so nothing is compared with that
        coalesce(lag(is_whole) over history, false) as is_compared
    from {{ ref('int_content_periods') }}
    where level = 'creator' and period != 'all'
    window history as (partition by app, creator_id, period order by period_start)
),

creators_with_previous as (
    select
        *,
        case when is_compared then lag(views) over history end as previous_views,
        case when is_compared then lag(unique_readers) over history end as previous_unique_readers,
        case when is_compared then lag(followers) over history end as previous_followers,
        case when is_compared then lag(revenue_cents) over history end as previous_revenue_cents
    from creator_periods
    window history as (partition by app, creator_id, period order by period_start)
),

creator_growth as (
    select
        period,
        period_start,
        app,
        creator_id,
        publications,
        views,
        previous_views,
        views / nullif(previous_views, 0) - 1 as views_growth,
        unique_readers,
        previous_unique_readers,
        unique_readers / nullif(previous_unique_readers, 0) - 1 as readers_growth,
        gained_followers,
        lost_followers,
        followers,
        previous_followers,
        followers / nullif(previous_followers, 0) - 1 as followers_growth,
        payments,
        revenue_cents,
        previous_revenue_cents,
        -- growth from nothing or from refunds is no rate
        case when previous_revenue_cents > 0 then revenue_cents / previous_revenue_cents - 1 end as revenue_growth,
        engagement_score,
        is_complete
    from creators_with_previous
)

select * from creator_growth
