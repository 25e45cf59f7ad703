{{ config(materialized='view', meta={'publish': 'view'}) }}

with

sessions as (select * from {{ ref('fct_sessions') }}),

session_numbers as (
    select
        session_id,
        person_id,
        row_number() over (partition by person_id order by started_at, session_id) as session_number,
        session_number = 1 as is_first
    from sessions
)

select * from session_numbers
