with

creator_overview as (
    select
        *,
        followers / nullif(unique_readers, 0) as follow_rate,
        median(followers / nullif(unique_readers, 0)) over (partition by app) as median_follow_rate
    from {{ ref('fct_creator_overview') }}
),

creator_growth as (
    select * from {{ ref('fct_creator_growth') }}
    where period = 'month' and is_complete
),

content_performance as (
    select
        *,
        engagement_score / nullif(views, 0) as engagement_per_view,
        median(engagement_score / nullif(views, 0)) over (partition by app) as median_engagement_per_view
    from {{ ref('fct_content_performance') }}
    where period = 'all'
),

content_parts as (
    select
        *,
        median(drop_off_rate) over (partition by app) as median_drop_off_rate
    from {{ ref('fct_content_parts') }}
),

recommendation_rules as (select * from {{ ref('recommendation_rules') }}),

-- each of an item's parts may lose readers; advice is given on the worst
worst_parts as (
    select * from content_parts
    qualify row_number() over (partition by app, content_id order by drop_off_rate desc, part asc) = 1
),

last_months as (
    select * from creator_growth
    qualify row_number() over (partition by app, creator_id order by period_start desc) = 1
),

publications as (
    select
        app,
        creator_id,
        published_at,
        date_diff('day', lag(published_at) over (partition by app, creator_id order by published_at), published_at) as days_before
    from content_performance
    where published_at is not null
),

publication_habits as (
    select
        app,
        creator_id,
        {{ local_date('max(published_at)') }} as last_published_date,
        median(days_before) as median_days_between
    from publications
    group by app, creator_id
    having count(*) > 2
),

top_sellers as (
    select * from content_performance
    where revenue_cents > 0
    qualify row_number() over (partition by app, creator_id order by revenue_cents desc, content_id asc) = 1
),

-- what a rule looks at: how much there is of it, what was measured, what it is compared with, and all that in words
observations as (
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
        'views_are_falling' as rule,
        app,
        creator_id,
        previous_views as sample,
        -views_growth as measured,
        printf('Views went from %d to %d in %s (%.0f %%).', previous_views, views, strftime(period_start, '%Y-%m'), 100 * views_growth) as evidence
    from last_months
    union all by name
    select
        'nothing_new' as rule,
        creator_overview.app,
        creator_overview.creator_id,
        creator_overview.as_of_date - publication_habits.last_published_date as sample,
        (creator_overview.as_of_date - publication_habits.last_published_date)
        / nullif(publication_habits.median_days_between, 0) as measured,
        1 as compared_with,
        printf(
            'The last item was published on %s, %d days ago; before, one came every %.0f days (median).',
            strftime(publication_habits.last_published_date, '%Y-%m-%d'),
            creator_overview.as_of_date - publication_habits.last_published_date,
            publication_habits.median_days_between
        ) as evidence
    from publication_habits
    inner join creator_overview
        on publication_habits.app = creator_overview.app and publication_habits.creator_id = creator_overview.creator_id
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
    from content_performance
    where views < peers_median_views
    union all by name
    select
        'readers_do_not_follow' as rule,
        app,
        creator_id,
        unique_readers as sample,
        follow_rate / nullif(median_follow_rate, 0) as measured,
        1 as compared_with,
        true as is_told_below,
        printf(
            '%d persons have viewed an item and %d follow (%.1f %%); at the median creator it is %.1f %%.',
            unique_readers, followers, 100 * follow_rate, 100 * median_follow_rate
        ) as evidence
    from creator_overview
    union all by name
    select
        'ratings_are_low' as rule,
        app,
        creator_id,
        content_id,
        ratings as sample,
        mean_rating as measured,
        true as is_told_below,
        printf('%d ratings of %s have a mean of %.2f.', ratings, content_id, mean_rating) as evidence
    from content_performance
    union all by name
    select
        'revenue_hangs_on_one_item' as rule,
        top_sellers.app,
        top_sellers.creator_id,
        top_sellers.content_id,
        creator_overview.payments as sample,
        top_sellers.revenue_cents / nullif(creator_overview.revenue_cents, 0) as measured,
        printf(
            '%s brought %.0f %% of the revenue of %d payments.',
            top_sellers.content_id, 100 * top_sellers.revenue_cents / nullif(creator_overview.revenue_cents, 0), creator_overview.payments
        ) as evidence
    from top_sellers
    inner join creator_overview
        on top_sellers.app = creator_overview.app and top_sellers.creator_id = creator_overview.creator_id
),

creator_recommendations as (
    select
        observations.app,
        observations.creator_id,
        observations.rule,
        observations.content_id,
        observations.part,
        observations.evidence,
        recommendation_rules.suggestion,
        cast(observations.sample as bigint) as sample,
        cast(observations.measured as double) as measured,
        recommendation_rules.threshold,
        cast(observations.compared_with as double) as compared_with,
        creator_overview.as_of_date
    from observations
    inner join recommendation_rules
        on observations.rule = recommendation_rules.rule
    inner join creator_overview
        on observations.app = creator_overview.app and observations.creator_id = creator_overview.creator_id
    where
        observations.sample >= recommendation_rules.at_least
        and case
            when observations.is_told_below then observations.measured < recommendation_rules.threshold
            else observations.measured >= recommendation_rules.threshold
        end
)

select * from creator_recommendations
