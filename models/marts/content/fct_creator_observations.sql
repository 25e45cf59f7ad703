with

creators as (
    select
        *,
        followers / nullif(unique_readers, 0) as follow_rate,
        median(follow_rate) over (partition by app) as median_follow_rate
    from {{ ref('fct_creator_overview') }}
),

items as (
    select
        *,
        date_diff('day', lag(published_at) over (partition by app, creator_id order by published_at), published_at) as days_before
    from {{ ref('fct_content_performance') }}
    where period = 'all'
),

last_months as (
    select * from {{ ref('fct_creator_growth') }}
    where period = 'month' and is_complete
    qualify row_number() over (partition by app, creator_id order by period_start desc) = 1
),

-- two items are no habit
publication_habits as (
    select
        app,
        creator_id,
        {{ local_date('max(items.published_at)') }} as last_published_date,
        creators.as_of_date - last_published_date as days_since,
        median(items.days_before) as median_days_between
    from items
    inner join creators using (app, creator_id)
    group by app, creator_id, creators.as_of_date
    having count(items.published_at) > 2
),

measured_creators as (
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
        app,
        creator_id,
        days_since as sample,
        days_since / nullif(median_days_between, 0) as measured,
        1 as compared_with,
        printf(
            'The last item was published on %s, %d days ago; before, one came every %.0f days (median).',
            strftime(last_published_date, '%Y-%m-%d'), days_since, median_days_between
        ) as evidence
    from publication_habits
    union all by name
    select
        'readers_do_not_follow' as rule,
        app,
        creator_id,
        unique_readers as sample,
        follow_rate / nullif(median_follow_rate, 0) as measured,
        1 as compared_with,
        printf(
            '%d persons have viewed an item and %d follow (%.1f %%); at the median creator it is %.1f %%.',
            unique_readers, followers, 100 * follow_rate, 100 * median_follow_rate
        ) as evidence
    from creators
),

creator_observations as (
    select * replace (cast(compared_with as double) as compared_with)
    from measured_creators
    where measured is not null
)

select * from creator_observations
