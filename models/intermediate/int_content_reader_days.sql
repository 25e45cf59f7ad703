with

content_actions as (
    select * from {{ ref('int_content_actions') }}
    where is_counted
),

-- who follows already gains the creator nothing by following again
follows as (
    select
        *,
        coalesce(
            lag(event_name) over (partition by app, creator_id, person_id order by occurred_at, event_id, event_date) = 'creator_followed', false
        ) as was_following,
        event_name = 'creator_followed' and not was_following as is_gained,
        event_name = 'creator_unfollowed' and was_following as is_lost
    from content_actions
    where event_name in ('creator_followed', 'creator_unfollowed')
),

paid_items as (
    select
        app,
        coalesce(items.creator_id, payments.creator_id) as creator_id,
        content_id,
        payments.person_id,
        payments.payment_date as day,
        payments.revenue_cents
    from {{ ref('int_payments') }} as payments
    left join {{ ref('int_content_items') }} as items using (app, content_id)
    where payments.revenue_cents != 0 and (content_id is not null or payments.creator_id is not null)
),

moves as (
    select * from content_actions
    where event_name not in ('creator_followed', 'creator_unfollowed')
    union all by name
    select * from follows
    union all by name
    select * from paid_items
),

content_reader_days as (
    select
        app,
        creator_id,
        content_id,
        person_id,
        day,
        coalesce(bool_or(event_name != 'content_published'), false) as is_audience,
        coalesce(bool_or(event_name = 'part_started'), false) as has_started,
        coalesce(bool_or(event_name = 'part_finished' and is_last_part and person_id is not null), false) as has_finished,
        count(case event_name when 'content_published' then 1 end) as publications,
        count(case event_name when 'content_viewed' then 1 end) as views,
        count(case event_name when 'part_finished' then 1 end) as finished_parts,
        count(case event_name when 'content_liked' then 1 end) as likes,
        count(case event_name when 'content_commented' then 1 end) as comments,
        count(case event_name when 'content_shared' then 1 end) as shares,
        count(case event_name when 'content_bookmarked' then 1 end) as bookmarks,
        count(case event_name when 'content_rated' then 1 end) as ratings,
        coalesce(sum(case event_name when 'content_rated' then rating end), 0) as rating_sum,
        coalesce(sum(read_seconds), 0) as read_seconds,
        coalesce(sum(weight), 0) as engagement_score,
        count(case when is_gained then 1 end) as gained_followers,
        count(case when is_lost then 1 end) as lost_followers,
        count(case when revenue_cents > 0 then 1 end) as payments,
        cast(coalesce(sum(revenue_cents), 0) as bigint) as revenue_cents
    from moves
    group by all
)

select * from content_reader_days
