{{ config(materialized='view', meta={'publish': 'view'}) }}

with

person_segments as (select * from {{ ref('int_person_segments') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

-- silence beyond the data's own clock has not happened yet
segments_so_far as (
    select
        person_segments.person_id,
        person_segments.segment,
        person_segments.valid_from_date,
        case when person_segments.valid_to_date < clocks.last_date then person_segments.valid_to_date end as valid_to_date,
        person_segments.valid_to_date < clocks.last_date is not true as is_current
    from person_segments
    inner join clocks
        on clocks.app is null and person_segments.valid_from_date <= clocks.last_date
)

select * from segments_so_far
