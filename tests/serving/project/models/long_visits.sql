{{ config(materialized='view') }}

select * from {{ ref('titled_visits') }} where visit_id % 2 = 0
