{{ config(materialized='table') }}

select
    visit_id,
    visitor,
    pages,
    cast(visited_at as date) as visit_date,
    visited_at,
    hash(visit_id, visitor, pages, visited_at) as content_hash
from read_csv('{{ env_var("FOOTFALL_HOME") | replace("'", "''") }}/visits/*.csv', columns = {
    'visit_id': 'bigint', 'visitor': 'varchar', 'pages': 'bigint', 'visited_at': 'timestamp'
})
