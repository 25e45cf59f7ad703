{{ config(materialized='view', meta={'publish': 'view'}) }}

with

session_paths as (
    select
        *,
        unnest(identity_keys) as identity_key
    from {{ ref('int_session_paths') }}
),

identities as (select * from {{ ref('int_identities') }}),

-- whose a session is joins here, late: several devices may be one person
paths as (
    select
        session_paths.path,
        session_paths.session_date,
        session_paths.step,
        session_paths.source,
        session_paths.target,
        any_value(session_paths.sessions) as sessions,
        count(distinct identities.person_id) as persons,
        any_value(session_paths.avg_seconds) as avg_seconds,
        any_value(session_paths.median_seconds) as median_seconds
    from session_paths
    inner join identities
        on session_paths.identity_key = identities.identity_key
    group by
        session_paths.path,
        session_paths.session_date,
        session_paths.step,
        session_paths.source,
        session_paths.target
)

select * from paths
