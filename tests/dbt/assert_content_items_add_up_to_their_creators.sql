-- A failing row is a creator whose views, readings or reactions are not those of their items, over all time or by weeks and months.
with

item_totals as (
    select
        app,
        creator_id,
        sum(case period when 'all' then views end) as views,
        sum(case period when 'all' then starters end) as starters,
        sum(case period when 'all' then finishers end) as finishers,
        sum(case period when 'all' then likes end) as likes,
        sum(case period when 'all' then comments end) as comments,
        sum(case period when 'all' then shares end) as shares,
        sum(case period when 'all' then bookmarks end) as bookmarks,
        sum(case period when 'all' then ratings end) as ratings,
        sum(case period when 'week' then likes end) as weekly_likes,
        sum(case period when 'month' then views end) as monthly_views
    from {{ ref('fct_content_performance') }}
    group by all
),

growth_totals as (
    select
        app,
        creator_id,
        sum(case period when 'week' then views end) as weekly_views,
        sum(case period when 'month' then views end) as monthly_views
    from {{ ref('fct_creator_growth') }}
    group by all
)

select
    app,
    creator_id

from {{ ref('fct_creator_overview') }} as creators

full join item_totals as items using (app, creator_id)

full join growth_totals as growth using (app, creator_id)

where
    coalesce(items.views, 0) is distinct from creators.views
    or coalesce(items.starters, 0) is distinct from creators.starters
    or coalesce(items.finishers, 0) is distinct from creators.finishers
    or coalesce(items.likes, 0) is distinct from creators.likes
    or coalesce(items.comments, 0) is distinct from creators.comments
    or coalesce(items.shares, 0) is distinct from creators.shares
    or coalesce(items.bookmarks, 0) is distinct from creators.bookmarks
    or coalesce(items.ratings, 0) is distinct from creators.ratings
    or coalesce(items.weekly_likes, 0) is distinct from creators.likes
    or coalesce(items.monthly_views, 0) is distinct from creators.views
    or growth.weekly_views is distinct from creators.views
    or growth.monthly_views is distinct from creators.views
