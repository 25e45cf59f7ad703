with

priced_events as (select * from {{ ref('int_priced_money_events') }}),

payments as (select * from {{ ref('int_payments') }}),

-- what is paid or given back is worth what fct_payments says; a payment that was sent again is worth nothing more
event_money as (
    select
        priced_events.app,
        priced_events.event_id,
        priced_events.occurred_at,
        case
            when priced_events.money_event in ('payment_completed', 'refund_issued') then payments.revenue_cents
            when priced_events.fault is null then priced_events.reporting_cents
        end as value_cents,
        priced_events.money_event = 'payment_completed' and payments.event_id is null as is_repeated
    from priced_events
    left join payments
        on
            priced_events.app = payments.app
            and priced_events.event_id = payments.event_id
            and priced_events.occurred_at = payments.occurred_at
)

select * from event_money
