with

items as (
    select
        *,
        engagement_score / nullif(views, 0) as engagement_per_view,
        median(engagement_per_view) over (partition by app) as median_engagement_per_view
    from {{ ref('fct_content_performance') }}
    where period = 'all'
),

-- each of an item's parts may lose readers; the worst is looked at
worst_parts as (
    select
        *,
        median(drop_off_rate) over (partition by app) as median_drop_off_rate
    from {{ ref('fct_content_parts') }}
    qualify row_number() over (partition by app, content_id order by drop_off_rate desc, part asc) = 1
),

top_sellers as (
    select
        app,
        creator_id,
        items.content_id,
        creators.payments,
        items.revenue_cents / nullif(creators.revenue_cents, 0) as revenue_share
    from items
    inner join {{ ref('fct_creator_overview') }} as creators using (app, creator_id)
    where items.revenue_cents > 0
    qualify row_number() over (partition by app, creator_id order by items.revenue_cents desc, items.content_id asc) = 1
),

measured_items as (
    select
        'a_part_loses_readers' as rule,
        app,
        creator_id,
        content_id,
        part,
        starters as sample,
        drop_off_rate as measured,
        median_drop_off_rate as compared_with,
        printf(
            'Of %d readers who started part %d of %s, %d came no further (%.0f %%); at the median part it is %.0f %%.',
            starters, part, content_id, dropped_readers, 100 * drop_off_rate, 100 * median_drop_off_rate
        ) as evidence
    from worst_parts
    union all by name
    select
        'loved_but_little_seen' as rule,
        app,
        creator_id,
        content_id,
        views as sample,
        engagement_per_view / nullif(median_engagement_per_view, 0) as measured,
        1 as compared_with,
        printf(
            '%s has %.1f of engagement a view, where the median item has %.1f, but %d views, where the median item has %.0f.',
            content_id, engagement_per_view, median_engagement_per_view, views, peers_median_views
        ) as evidence
    from items
    where views < peers_median_views
    union all by name
    select
        'ratings_are_low' as rule,
        app,
        creator_id,
        content_id,
        ratings as sample,
        mean_rating as measured,
        printf('%d ratings of %s have a mean of %.2f.', ratings, content_id, mean_rating) as evidence
    from items
    union all by name
    select
        'revenue_hangs_on_one_item' as rule,
        app,
        creator_id,
        content_id,
        payments as sample,
        revenue_share as measured,
        printf('%s brought %.0f %% of the revenue of %d payments.', content_id, 100 * revenue_share, payments) as evidence
    from top_sellers
),

content_observations as (
    select * replace (cast(compared_with as double) as compared_with)
    from measured_items
    where measured is not null
)

select * from content_observations
