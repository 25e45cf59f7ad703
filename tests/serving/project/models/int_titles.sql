{{ config(materialized='table') }}

select distinct visitor, upper(visitor) as title from {{ ref('visits') }}
