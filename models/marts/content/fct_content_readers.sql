with

-- money moves on days on which nobody reads, too, and is no activity
reader_days as (
    select
        days.*,
        case when days.is_audience then days.day end as active_date,
        clocks.last_date as as_of_date
    from {{ ref('int_content_reader_days') }} as days
    inner join {{ ref('int_data_clocks') }} as clocks using (app)
    where days.person_id is not null
),

readers as (
    select
        app,
        person_id,
        as_of_date,
        min(active_date) as first_read_date,
        max(active_date) as last_read_date,
        count(distinct active_date) as active_days,
        count(distinct case when active_date > as_of_date - 30 then active_date end) as recent_active_days,
        count(distinct case when is_audience then creator_id end) as creators,
        count(distinct case when views > 0 then content_id end) as viewed_items,
        count(distinct case when has_finished then content_id end) as finished_items,
        cast(sum(views) as bigint) as views,
        cast(sum(finished_parts) as bigint) as finished_parts,
        cast(sum(read_seconds) as double) as read_seconds,
        cast(sum(engagement_score) as double) as engagement_score,
        cast(sum(revenue_cents) as bigint) as revenue_cents
    from reader_days
    group by all
    having bool_or(is_audience)
),

content_readers as (
    select
        app,
        person_id,
        rank() over (partition by app order by engagement_score desc) as engagement_rank,
        audience_kind(recent_active_days, {{ setting('audience_regular_days') }}, {{ setting('audience_loyal_days') }}) as audience,
        active_days,
        recent_active_days,
        creators,
        viewed_items,
        finished_items,
        views,
        finished_parts,
        read_seconds,
        engagement_score,
        revenue_cents,
        first_read_date,
        last_read_date,
        as_of_date
    from readers
)

select * from content_readers
