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

-- in a step of their own, because DuckDB plans anew whatever a function repeats
trimmed_ids as (
    select
        * replace (
            trimmed(user_id) as user_id,
            trimmed(anonymous_id) as anonymous_id,
            trimmed(session_id) as session_id,
            trimmed(account_id) as account_id
        ),
        coalesce(anonymous_id, user_id) as landed_id
    from settled
),

identified as (
    select
        * replace (
            id_of(user_id) as user_id,
            id_of(anonymous_id) as anonymous_id,
            id_of(session_id) as session_id,
            id_of(account_id) as account_id,
            coalesce(is_bot, false) as is_bot
        )
    from trimmed_ids
),

named as (
    select
        identified.* replace (
            stream_key(identified.app, identified.anonymous_id, identified.user_id, identified.landed_id, identified.stream_id) as stream_id
        ),
        coalesce(catalog.canonical_name, identified.event_name) as canonical_name,
        -- what a bot does is nobody's activity
        coalesce(catalog.is_activity, true) and {{ is_counted() }} as is_activity,
        coalesce(catalog.is_page_view, false) and {{ is_counted() }} as is_page_view,
        coalesce(catalog.is_interaction, true) as is_interaction,
        coalesce(catalog.is_passive, false) as is_passive,
        coalesce(catalog.is_merge, false) as is_merge,
        catalog.money_event,
        catalog.survey_event
    from identified
    left join {{ ref('event_catalog') }} as catalog
        on identified.event_name = catalog.event_name
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
        ) as declared_properties,
        list_transform(declared_properties, lambda sent: trimmed(sent)) as texts
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
        -- what the sender says, else its agent and its address
        coalesce(device_type, agent_device_type) as device_type,
        coalesce(os, agent_os) as os,
        coalesce(browser, agent_browser) as browser,
        coalesce(country, ip_country) as country,
        region,
        city,
        locale,
        user_agent,
        ip,
        library,
        context_other,
        -- declared properties
        whole_number_of(texts[1]) as amount_cents,
        declared_properties[2] as currency,
        whole_number_of(texts[3]) as quantity,
        id_of(texts[4]) as order_id,
        item_id_of(texts[5]) as product_id,
        number_of(texts[6]) as energy_kwh,
        item_id_of(texts[7]) as station_id,
        item_id_of(texts[8]) as location_id,
        id_of(texts[9]) as payment_id,
        id_of(texts[10]) as subscription_id,
        item_id_of(texts[11]) as plan_id,
        declared_properties[12] as billing_interval,
        instant_of(texts[13], timezone) as effective_at,
        instant_of(texts[14], timezone) as trial_ends_at,
        item_id_of(texts[15]) as survey,
        item_id_of(texts[16]) as wave,
        number_of(texts[17]) as score,
        id_of(texts[18]) as charging_session_id,
        texts[19] as experiment,
        texts[20] as variant,
        item_id_of(texts[21]) as content_id,
        item_id_of(texts[22]) as creator_id,
        whole_number_of(texts[23]) as part,
        whole_number_of(texts[24]) as parts,
        number_of(texts[25]) as rating,
        number_of(texts[26]) as read_seconds,
        whole_number_of(texts[27]) as billing_interval_count,
        -- what was sent, of which the next step keeps what its reader cannot read
        declared_properties as unreadable_properties,
        -- booleans
        is_activity,
        is_page_view,
        is_interaction,
        is_passive,
        is_merge,
        is_bot,
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

-- a value that its reader cannot read is null, and stands here as it was sent; in a step of its own, which names what was read and repeats no reader
events as (
    select
        * replace (
            map_from_entries(list_filter(
                [
                    unread('amount_cents', unreadable_properties[1], amount_cents),
                    unread('quantity', unreadable_properties[3], quantity),
                    unread('energy_kwh', unreadable_properties[6], energy_kwh),
                    unread('effective_at', unreadable_properties[13], effective_at),
                    unread('trial_ends_at', unreadable_properties[14], trial_ends_at),
                    unread('score', unreadable_properties[17], score),
                    unread('part', unreadable_properties[23], part),
                    unread('parts', unreadable_properties[24], parts),
                    unread('rating', unreadable_properties[25], rating),
                    unread('read_seconds', unreadable_properties[26], read_seconds),
                    unread('billing_interval_count', unreadable_properties[27], billing_interval_count)
                ],
                lambda entry: entry is not null
            )) as unreadable_properties
        )
    from typed
)

select * from events
