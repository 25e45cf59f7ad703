with

-- months need gaps that reach two months back, and MAU its own window: one day stands for all before
active_days as (
    select
        days.activity_date as day,
        days.app,
        days.country,
        days.device_type,
        origins.channel,
        days.activity_date - greatest(62, {{ setting('mau_days') }}) - 1 as earliest_day,
        case when days.previous_row_date < earliest_day then earliest_day else days.previous_row_date end as previous_day,
        case when days.previous_row_app_date < earliest_day then earliest_day else days.previous_row_app_date end as previous_app_day,
        case when days.previous_row_country_date < earliest_day then earliest_day else days.previous_row_country_date end as previous_country_day,
        case when days.previous_row_device_date < earliest_day then earliest_day else days.previous_row_device_date end as previous_device_day
    from {{ ref('int_person_days') }} as days
    inner join {{ ref('int_person_origins') }} as origins using (person_id)
    where days.is_active
),

-- a person counts in every app, country and device type of the day, and in the one channel that first brought them
active_gaps as (
    select
        case
            when grouping(app) = 0 then 'app'
            when grouping(country) = 0 then 'country'
            when grouping(device_type) = 0 then 'device_type'
            when grouping(channel) = 0 then 'channel'
            else 'all'
        end as segment,
        coalesce(app, country, device_type, channel, 'all') as segment_value,
        coalesce(app, '') as clock,
        day,
        coalesce(previous_day, previous_app_day, previous_country_day, previous_device_day) as previous_day,
        count(*) as units
    from active_days
    group by grouping sets (
        (day, previous_day),
        (day, app, previous_app_day),
        (day, country, previous_country_day),
        (day, device_type, previous_device_day),
        (day, channel, previous_day)
    )
),

-- the second row of a day opens nothing
opened_gaps as (
    select *
    from active_gaps
    where previous_day is distinct from day
)

select * from opened_gaps
