{{ config(materialized='view') }}

select visits.visit_id, visits.visit_date, int_titles.title
from {{ ref('visits') }} as visits
inner join {{ ref('int_titles') }} as int_titles on visits.visitor = int_titles.visitor
