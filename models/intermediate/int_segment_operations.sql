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
        {{ local_date('from_at') }} as day,
        'subscription_created' as operation,
        1 as events
    from {{ ref('int_subscription_stretches') }}
    where is_beginning
),

app_operations as (
    select
        app,
        day,
        operation,
        sum(events) as events
    from told_operations
    group by all
),

segment_operations as (
    select
        segment,
        segment_value,
        clock,
        day,
        operation,
        cast(sum(events) as bigint) as events
    from (select unnest({{ standard_segments({'app': 'app'}) }}, recursive := true), * from app_operations)
    group by all
),

-- what begins on a day that its clock has not seen is still to come
known_operations as (
    select operations.*
    from segment_operations as operations
    inner join {{ ref('int_data_clocks') }} as clocks
        on operations.clock = coalesce(clocks.app, '') and operations.day <= clocks.last_date
)

select * from known_operations
