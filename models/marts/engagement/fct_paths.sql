{{ config(materialized='view', meta={'publish': 'view'}) }}

with

session_paths as (

    select * from {{ ref('int_session_paths') }}

),

paths as (

    select
        path,
        session_date,
        step,
        source,
        target,
        sessions,
        avg_seconds,
        median_seconds

    from session_paths

)

select * from paths
