{{ config(materialized='table') }}

select
    visit_id,
    visitor,
    pages,
    cast(visited_at as date) as visit_date,
    visited_at,
    hash(visit_id, visitor, pages, visited_at) as content_hash,
    -- changes from build to build, as the fingerprint does not
    gen_random_uuid() as built_on_attempt
from read_csv('{{ env_var("FOOTFALL_HOME") | replace("'", "''") }}/visits/*.csv', columns = {
    'visit_id': 'bigint', 'visitor': 'varchar', 'pages': 'bigint', 'visited_at': 'timestamp'
})
