{{ config(materialized='table') }}

select count(*) as visits from {{ ref('visits') }}
