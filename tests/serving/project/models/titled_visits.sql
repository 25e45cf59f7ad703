{{ config(materialized='view') }}

select visits.visit_id, visits.visit_date, visitors.title
from {{ ref('visits') }} as visits
inner join {{ ref('visitors') }} as visitors on visits.visitor = visitors.visitor
