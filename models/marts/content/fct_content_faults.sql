with

content_actions as (
    select * from {{ ref('int_content_actions') }}
    where fault is not null
),

content_faults as (
    select
        app,
        content_id,
        event_name,
        fault,
        count(*) as events,
        min(day) as first_date,
        max(day) as last_date
    from content_actions
    group by app, content_id, event_name, fault
)

select * from content_faults
