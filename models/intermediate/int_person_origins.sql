with

sessions as (

    select * from {{ ref('int_sessions') }}

),

identities as (

    select * from {{ ref('int_identities') }}

),

first_sessions as (

    select
        identities.person_id,
        count(*) as sessions,
        arg_min(
            struct_pack(
                channel := sessions.channel,
                traffic_source := sessions.traffic_source,
                traffic_medium := sessions.traffic_medium,
                utm_campaign := sessions.utm_campaign,
                entry_page := sessions.entry_page,
                country := sessions.country,
                device_type := sessions.device_type,
                app := sessions.app
            ),
            (sessions.started_at, sessions.session_id)
        ) as origin

    from sessions

    inner join identities
        on sessions.identity_key = identities.identity_key

    group by identities.person_id

),

person_origins as (

    select
        person_id,
        sessions,
        origin.channel as channel,
        origin.traffic_source as traffic_source,
        origin.traffic_medium as traffic_medium,
        origin.utm_campaign as utm_campaign,
        origin.entry_page as entry_page,
        origin.country as country,
        origin.device_type as device_type,
        origin.app as app

    from first_sessions

)

select * from person_origins
