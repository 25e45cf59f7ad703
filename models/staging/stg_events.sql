{{ config(post_hook='{{ mark_built() }}') }}

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
    where
        landed.batch_id in (select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies')
        -- reports of spend come through the same door, and are nobody's events
        and landed.event_name != '$spend_reported'
),

named as (
    select
        settled.* exclude (user_id, anonymous_id, session_id, account_id, stream_id),
        stream_key(settled.app, settled.anonymous_id, settled.user_id, settled.stream_id) as stream_id,
        clean_id(settled.user_id) as user_id,
        clean_id(settled.anonymous_id) as anonymous_id,
        clean_id(settled.session_id) as session_id,
        clean_id(settled.account_id) as account_id,
        coalesce(catalog.canonical_name, settled.event_name) as canonical_name,
        coalesce(catalog.is_activity, true) as is_activity,
        coalesce(catalog.is_page_view, false) as is_page_view,
        coalesce(catalog.is_interaction, true) as is_interaction,
        coalesce(catalog.is_passive, false) as is_passive,
        coalesce(catalog.is_merge, false) as is_merge,
        catalog.money_event,
        catalog.survey_event
    from settled
    left join {{ ref('event_catalog') }} as catalog
        on settled.event_name = catalog.event_name
),

-- every declared property is extracted here, in one call, and nowhere else; after the names, so that a reader of few names extracts few
declared as (
    select
        *,
        json_extract_string(
            properties,
            [
                -- five a line: the second line begins with the sixth
                '$.amount_cents', '$.currency', '$.quantity', '$.order_id', '$.product_id',
                '$.energy_kwh', '$.station_id', '$.location_id', '$.payment_id', '$.subscription_id',
                '$.plan_id', '$.billing_interval', '$.effective_at', '$.trial_ends_at', '$.survey',
                '$.wave', '$.score', '$.charging_session_id', '$.experiment', '$.variant',
                '$.content_id', '$.creator_id', '$.part', '$.parts', '$.rating',
                '$.read_seconds', '$.billing_interval_count'
            ]
        ) as declared_properties
    from named
),

typed as (
    select
        -- ids
        event_id,
        stream_id,
        {{ identity_key() | indent(8) }} as identity_key,
        user_id,
        anonymous_id,
        session_id,
        account_id,
        -- strings
        canonical_name as event_name,
        app,
        properties,
        page_url,
        page_title,
        referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        utm_content,
        device_type,
        os,
        browser,
        country,
        region,
        city,
        locale,
        user_agent,
        ip,
        library,
        context_other,
        -- declared properties
        whole_number(declared_properties[1]) as amount_cents,
        declared_properties[2] as currency,
        whole_number(declared_properties[3]) as quantity,
        clean_id(declared_properties[4]) as order_id,
        clean_item_id(declared_properties[5]) as product_id,
        number(declared_properties[6]) as energy_kwh,
        clean_item_id(declared_properties[7]) as station_id,
        clean_item_id(declared_properties[8]) as location_id,
        clean_id(declared_properties[9]) as payment_id,
        clean_id(declared_properties[10]) as subscription_id,
        clean_item_id(declared_properties[11]) as plan_id,
        declared_properties[12] as billing_interval,
        property_instant(declared_properties[13], timezone) as effective_at,
        property_instant(declared_properties[14], timezone) as trial_ends_at,
        clean_item_id(declared_properties[15]) as survey,
        clean_item_id(declared_properties[16]) as wave,
        number(declared_properties[17]) as score,
        clean_id(declared_properties[18]) as charging_session_id,
        trimmed(declared_properties[19]) as experiment,
        trimmed(declared_properties[20]) as variant,
        clean_item_id(declared_properties[21]) as content_id,
        clean_item_id(declared_properties[22]) as creator_id,
        whole_number(declared_properties[23]) as part,
        whole_number(declared_properties[24]) as parts,
        number(declared_properties[25]) as rating,
        number(declared_properties[26]) as read_seconds,
        whole_number(declared_properties[27]) as billing_interval_count,
        declared_properties,
        -- booleans
        is_activity,
        is_page_view,
        is_interaction,
        is_passive,
        is_merge,
        -- what it does to money
        money_event,
        -- what it is in a survey
        survey_event,
        -- dates and timestamps (utc)
        event_date,
        corrected_date,
        occurred_at,
        received_at,
        -- where the copy that stays came from
        batch_id,
        content_hash as written_hash,
        -- two copies may say the same and have happened at other times, by other corrections of a clock: they make other days and sessions
        hash(content_hash, occurred_at) as content_hash
    from declared
),

-- a step of its own, because DuckDB plans an expression again wherever its name is used beside it
stated as (
    select
        * exclude (declared_properties),
        -- a value that its reader cannot read is null above, and stands here as it was sent
        map_from_entries(list_filter(
            [
                unread('amount_cents', declared_properties[1], amount_cents),
                unread('quantity', declared_properties[3], quantity),
                unread('energy_kwh', declared_properties[6], energy_kwh),
                unread('effective_at', declared_properties[13], effective_at),
                unread('trial_ends_at', declared_properties[14], trial_ends_at),
                unread('score', declared_properties[17], score),
                unread('part', declared_properties[23], part),
                unread('parts', declared_properties[24], parts),
                unread('rating', declared_properties[25], rating),
                unread('read_seconds', declared_properties[26], read_seconds),
                unread('billing_interval_count', declared_properties[27], billing_interval_count)
            ],
            lambda entry: entry is not null
        )) as unreadable_properties
    from typed
)

select * from stated
