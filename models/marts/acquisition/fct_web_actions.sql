with

web_actions as (
    select
        activity_date,
        app,
        action,
        target,
        cast(sum(events) as bigint) as events
    from {{ ref('int_web_action_days') }}
    group by activity_date, app, action, target
)

select * from web_actions
