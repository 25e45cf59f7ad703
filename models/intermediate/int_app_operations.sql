with

told_operations as (
    select
        app,
        operation_date as day,
        operation,
        events
    from {{ ref('int_operation_days') }}
    union all
    select
        app,
        {{ local_date('occurred_at') }} as day,
        money_event as operation,
        1 as events
    from {{ ref('int_money_events') }}
    where money_event in ('subscription_cancelled', 'subscription_upgraded', 'subscription_downgraded')
    union all
    -- as the movements of MRR have them: each once, and from when it was true
    select
        app,
        {{ local_date('stretches.from_at') }} as day,
        'subscription_created' as operation,
        1 as events
    from {{ ref('int_subscription_stretches') }} as stretches
    inner join {{ ref('int_data_clocks') }} as clocks using (app)
    where stretches.is_beginning and {{ local_date('stretches.from_at') }} <= clocks.last_date
),

app_operations as (
    select
        app,
        day,
        operation,
        cast(sum(events) as bigint) as events
    from told_operations
    group by all
)

select * from app_operations
