{{ config(materialized='view', meta={'publish': 'view'}) }}

with

clock as (select last_date from {{ ref('int_data_clocks') }} where app is null),

-- silence beyond the data's own clock has not happened yet
segments_so_far as (
    select
        stretches.person_id,
        stretches.segment,
        stretches.valid_from_date,
        case when stretches.valid_to_date < clock.last_date then stretches.valid_to_date end as valid_to_date,
        stretches.valid_to_date < clock.last_date is not true as is_current
    from {{ ref('int_person_segments') }} as stretches
    inner join clock
        on stretches.valid_from_date <= clock.last_date
)

select * from segments_so_far
