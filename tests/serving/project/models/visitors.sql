{{ config(materialized='table') }}

select visitor, upper(visitor) as title, min(visited_at) as first_visited_at
from {{ ref('visits') }}
group by visitor
