-- A failing row is a segment and kind of period over which revenue, payments, refunds or, by days, orders of fct_revenue_overview are not those of
-- fct_payments: a payment is lost or counted twice.
with

revenue_overview as (select * from {{ ref('fct_revenue_overview') }}),

payments as (select * from {{ ref('fct_payments') }}),

payment_totals as (
    select
        sum(revenue_cents) as revenue_cents,
        count(case when kind = 'refund' then 1 end) as refunds,
        count(case when kind = 'payment' and status = 'completed' then 1 end) as successful_payments,
        count(case when kind = 'payment' and status = 'failed' then 1 end) as failed_payments,
        count(
            distinct case when kind = 'payment' and status = 'completed' then (app, payment_date, order_key(order_id, event_id, occurred_at)) end
        ) as daily_orders
    from payments
),

period_totals as (
    select
        segment,
        period,
        sum(revenue_cents) as revenue_cents,
        sum(refunds) as refunds,
        sum(successful_payments) as successful_payments,
        sum(failed_payments) as failed_payments,
        sum(case when period = 'day' and segment in ('all', 'app') then orders end) as daily_orders
    from revenue_overview
    group by segment, period
)

select *

from period_totals

cross join payment_totals

where
    period_totals.revenue_cents != payment_totals.revenue_cents
    or period_totals.refunds != payment_totals.refunds
    or period_totals.successful_payments != payment_totals.successful_payments
    or period_totals.failed_payments != payment_totals.failed_payments
    or period_totals.daily_orders != payment_totals.daily_orders
