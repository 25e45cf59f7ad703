with

app_days as (select * from {{ ref('int_app_days') }}),

spans as (
    select
        app,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at
    from app_days
    group by app
    union all
    select
        null as app,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at
    from app_days
),

-- the data's own clock: nothing later is known to have happened
last_activity as (
    select max(last_activity_at) as last_activity_at from app_days
),

bounds as (
    select
        spans.*,
        least(spans.last_event_at, last_activity.last_activity_at) as known_until_at
    from spans
    cross join last_activity
),

data_clocks as (
    select
        *,
        {{ local_date('first_event_at') }} as first_date,
        {{ local_date('last_event_at') }} as last_date,
        {{ local_timestamp('known_until_at') }} as known_until
    from bounds
)

select * from data_clocks
