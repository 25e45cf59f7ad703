{{ config(materialized='view') }}

select * from {{ ref('stg_visits') }} where visit_id % 2 = 0
