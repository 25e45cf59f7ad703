-- A failing row is an app in which refunds, or payments that name no payment of their own, are not as many as their events.
-- Payments whose id another one has, with other content, are rows beside it.
with

money_events as (
    select
        app,
        count(case when money_event = 'refund_issued' or (money_event = 'payment_completed' and amount_cents < 0) then 1 end) as refunds,
        count(
            case
                when payment_id is null and money_event in ('payment_initiated', 'payment_failed') then 1
                when payment_id is null and money_event = 'payment_completed' and amount_cents < 0 is not true then 1
            end
        ) as lone_payments,
        count(
            distinct case
                when money_event like 'payment%' and (money_event = 'payment_completed' and amount_cents < 0) is not true then payment_id
            end
        ) as named_payments
    from {{ ref('int_money_events') }}
    group by app
),

payments as (
    select
        app,
        count(case when kind = 'refund' then 1 end) as refunds,
        count(case when kind = 'payment' and fault is distinct from 'payment_id_taken' then 1 end) as payments
    from {{ ref('fct_payments') }}
    group by app
)

select
    money_events.*,
    payments.refunds as counted_refunds,
    payments.payments as counted_payments

from money_events

left join payments
    on money_events.app = payments.app

where
    money_events.refunds != coalesce(payments.refunds, 0)
    or money_events.lone_payments + money_events.named_payments != coalesce(payments.payments, 0)
