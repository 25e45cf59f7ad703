{#- months need gaps that reach two months back; a longer MAU window needs its own length -#}
{%- set cap_days = [62, setting('mau_days')] | max -%}

with

person_days as (
    select * from {{ ref('int_person_days') }}
    where is_active
),

person_origins as (select * from {{ ref('int_person_origins') }}),

-- a person counts in every app, country and device type of the day, and in the one channel that first brought them
all_days as (
    select
        'all' as segment_value,
        activity_date as day,
        previous_row_date as previous_day
    from person_days
    where previous_row_date is distinct from activity_date
),

app_days as (
    select
        app as segment_value,
        activity_date as day,
        previous_row_app_date as previous_day
    from person_days
    where previous_row_app_date is distinct from activity_date
),

country_days as (
    select
        country as segment_value,
        activity_date as day,
        previous_row_country_date as previous_day
    from person_days
    where previous_row_country_date is distinct from activity_date
),

device_days as (
    select
        device_type as segment_value,
        activity_date as day,
        previous_row_device_date as previous_day
    from person_days
    where previous_row_device_date is distinct from activity_date
),

channel_days as (
    select
        person_origins.channel as segment_value,
        person_days.activity_date as day,
        person_days.previous_row_date as previous_day
    from person_days
    inner join person_origins
        on person_days.person_id = person_origins.person_id
    where person_days.previous_row_date is distinct from person_days.activity_date
),

segment_gaps as (
    select
        'all' as segment,
        *
    from ({{ group_gaps('all_days', ['segment_value'], cap_days) }})
    union all
    select
        'app' as segment,
        *
    from ({{ group_gaps('app_days', ['segment_value'], cap_days) }})
    union all
    select
        'country' as segment,
        *
    from ({{ group_gaps('country_days', ['segment_value'], cap_days) }})
    union all
    select
        'device_type' as segment,
        *
    from ({{ group_gaps('device_days', ['segment_value'], cap_days) }})
    union all
    select
        'channel' as segment,
        *
    from ({{ group_gaps('channel_days', ['segment_value'], cap_days) }})
),

active_gaps as (
    select
        segment,
        segment_value,
        day as activity_date,
        previous_day as previous_activity_date,
        units as persons
    from segment_gaps
)

select * from active_gaps
