with

touches as (select * from {{ ref('fct_touches') }}),

conversions as (
    select
        conversion,
        app,
        event_id,
        converted_at,
        conversion_date,
        touches,
        list(channel order by touch_number) as channels,
        max(seconds_before) as seconds,
        any_value(amount_cents) as amount_cents
    from touches
    group by conversion, app, event_id, converted_at, conversion_date, touches
),

conversion_paths as (
    select
        conversion,
        cast(date_trunc('month', conversion_date) as date) as period_start,
        array_to_string(channels, ' > ') as path,
        array_to_string(without_repeats(channels), ' > ') as collapsed_path,
        touches,
        count(*) as conversions,
        cast(sum(amount_cents) as bigint) as amount_cents,
        -- whole microseconds, so that the average does not depend on the order in which they are added
        avg(cast(round(seconds * 1000000) as bigint)) / 1000000 as avg_seconds
    from conversions
    group by all
)

select * from conversion_paths
