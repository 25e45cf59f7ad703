with

-- what is paid or given back is worth what fct_payments says; a payment that was sent again is worth nothing more
event_money as (
    select
        app,
        event_id,
        occurred_at,
        case
            when priced_events.money_event in ('payment_completed', 'refund_issued') then payments.revenue_cents
            when priced_events.fault is null then priced_events.reporting_cents
        end as value_cents,
        priced_events.money_event = 'payment_completed' and payments.event_id is null as is_repeated
    from {{ ref('int_priced_money_events') }} as priced_events
    left join {{ ref('int_payments') }} as payments using (app, event_id, occurred_at)
)

select * from event_money
