with

landed as (

    select
        *,
        parse_filename(filename, true) as batch_id

    from {{ source('landing', 'events') }}

),

-- exactly the batches whose copies have been settled, whatever lands meanwhile
settled as (

    select landed.*

    from landed

    anti join {{ ref('stg_superseded_copies') }} as superseded
        on landed.batch_id = superseded.batch_id and landed.file_row_number = superseded.row_number

    where landed.batch_id in (select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies')

),

-- every declared property is extracted here, in one call, and nowhere else
declared as (

    select
        *,
        json_extract_string(
            properties,
            [
                '$.amount_cents',
                '$.currency',
                '$.quantity',
                '$.order_id',
                '$.product_id',
                '$.energy_kwh',
                '$.station_id',
                '$.location_id'
            ]
        ) as declared_properties

    from settled

),

typed as (

    select
        -- ids
        declared.event_id,
        declared.stream_id,
        declared.user_id,
        declared.anonymous_id,
        declared.session_id,
        declared.account_id,

        -- strings
        coalesce(catalog.canonical_name, declared.event_name) as event_name,
        declared.app,
        declared.properties,
        declared.page_url,
        declared.page_title,
        declared.referrer,
        declared.utm_source,
        declared.utm_medium,
        declared.utm_campaign,
        declared.utm_term,
        declared.utm_content,
        declared.device_type,
        declared.os,
        declared.browser,
        declared.country,
        declared.region,
        declared.city,
        declared.locale,
        declared.user_agent,
        declared.ip,
        declared.library,
        declared.context_other,

        -- declared properties
        try_cast(declared.declared_properties[1] as bigint) as amount_cents,
        declared.declared_properties[2] as currency,
        try_cast(declared.declared_properties[3] as bigint) as quantity,
        declared.declared_properties[4] as order_id,
        declared.declared_properties[5] as product_id,
        try_cast(declared.declared_properties[6] as double) as energy_kwh,
        declared.declared_properties[7] as station_id,
        declared.declared_properties[8] as location_id,

        -- booleans
        coalesce(catalog.is_activity, true) as is_activity,
        coalesce(catalog.is_page_view, false) as is_page_view,
        coalesce(catalog.is_interaction, true) as is_interaction,
        coalesce(catalog.is_merge, false) as is_merge,

        -- dates and timestamps (utc)
        declared.event_date,
        declared.occurred_at,
        declared.received_at,

        -- where the copy that stays came from
        declared.batch_id,
        declared.content_hash

    from declared

    left join {{ ref('event_catalog') }} as catalog
        on declared.event_name = catalog.event_name

)

select * from typed
