{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

stream_days as (select * from {{ ref('int_stream_days') }}),

-- a digest of text is dear: once an id, not once a day
identities as (
    select
        identity_key,
        person_id,
        stable_key(person_id) as person_key
    from {{ ref('int_identities') }}
),

-- who a device belongs to is joined here, late, so that its history moves with it
person_stream_days as (
    select
        identities.person_key,
        identities.person_id,
        stream_days.*,
        hash(stream_days.stream_id, stream_days.identity_key, stream_days.activity_date, stream_days.content_hash) as part_hash
    from stream_days
    inner join identities using (identity_key)
),

-- a person is built anew when the stream days that make it up are not the ones it was built from
person_contents as (
    select
        person_key,
        bit_xor(part_hash) as content_hash
    from person_stream_days
    group by person_key
),

built_contents as (
    select
        person_key,
        bit_xor(content_hash) as content_hash
    from {{ this }}
    group by person_key
),

changed_persons as (
    select person_key
    from person_contents
    full join built_contents using (person_key)
    where person_contents.content_hash is distinct from built_contents.content_hash
),

person_days as (
    select
        -- ids
        person_key,
        person_id,
        -- what a day is told apart by
        activity_date,
        app,
        country,
        device_type,
        -- numbers
        cast(sum(events) as bigint) as events,
        cast(sum(activity_events) as bigint) as activity_events,
        cast(sum(page_views) as bigint) as page_views,
        -- timestamps (utc)
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        bit_xor(part_hash) as content_hash
    from person_stream_days
    where {{ 'person_key in (from changed_persons)' if is_incremental() else 'true' }}
    group by person_key, person_id, activity_date, app, country, device_type
),

-- the previous active day of the person, as a whole and inside each segment: all actives and lifecycles follow from these;
-- rows of one day repeat it, and only the first of them opens the day (its previous row lies on another day)
active_days as (
    select
        person_key,
        activity_date,
        app,
        country,
        device_type,
        lag(activity_date) over (
            partition by person_key order by activity_date, app, country, device_type
        ) as previous_row_date,
        lag(activity_date) over (
            partition by person_key, app order by activity_date, country, device_type
        ) as previous_row_app_date,
        lag(activity_date) over (
            partition by person_key, country order by activity_date, app, device_type
        ) as previous_row_country_date,
        lag(activity_date) over (
            partition by person_key, device_type order by activity_date, app, country
        ) as previous_row_device_date
    from person_days
    where activity_events > 0
),

person_days_with_previous as (
    select
        person_days.*,
        active_days.person_key is not null as is_active,
        active_days.previous_row_date,
        active_days.previous_row_app_date,
        active_days.previous_row_country_date,
        active_days.previous_row_device_date
    from person_days
    left join active_days using (person_key, activity_date, app, country, device_type)
)

select * from person_days_with_previous
{{ replaced_rows('person_key in (from changed_persons)') }}
