with

content_faults as (
    select
        app,
        content_id,
        event_name,
        fault,
        count(*) as events,
        min(day) as first_date,
        max(day) as last_date
    from {{ ref('int_content_actions') }}
    where fault is not null
    group by all
)

select * from content_faults
