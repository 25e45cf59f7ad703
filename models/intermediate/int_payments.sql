{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

all_movements as not materialized (
    select
        *,
        hash(hash(movements)) as source_hash
    from (select * exclude (source_hash) from {{ ref('int_money_movements') }}) as movements
),

changed_payments as materialized (
    {{ changed_payments('all_movements') | indent(4) }}
),

movements as materialized (
    select * from all_movements
    where {{ 'payment_number in (from changed_payments)' if is_incremental() else 'true' }}
),

refunds as (
    select *
    from movements
    where kind = 'refund' and payment_id is not null
),

refunded_payments as (
    select
        payments.app,
        payments.event_id,
        payments.event_date,
        'payment' as kind,
        -sum(refunds.revenue_cents) as refunded_cents,
        -- rates move, so only money of one currency is compared
        sum(abs(refunds.amount_cents)) filter (where refunds.currency = payments.currency) > any_value(payments.amount_cents) as is_over_refunded
    from movements as payments
    inner join refunds using (app, payment_key)
    where payments.kind = 'payment' and payments.status = 'completed' and payments.fault is distinct from 'payment_id_taken'
    group by payments.app, payments.event_id, payments.event_date
),

payments as (
    select
        -- ids
        event_id,
        case when kind = 'payment' then coalesce(payment_id, event_id) else event_id end as payment_id,
        case when kind = 'refund' then movements.payment_id end as refunded_payment_id,
        person_id,
        account_id,
        order_id,
        product_id,
        subscription_id,
        content_id,
        creator_id,
        -- strings
        app,
        kind,
        status,
        country,
        currency,
        case
            when refunded_payments.is_over_refunded then 'refunded_more_than_paid'
            when money_event = 'refund_issued' and fault = 'negative_amount' then null
            else fault
        end as fault,
        -- numbers
        abs(amount_cents) as amount_cents,
        revenue_cents,
        cast(coalesce(refunded_payments.refunded_cents, 0) as bigint) as refunded_cents,
        -- dates and timestamps (utc)
        money_date as payment_date,
        occurred_at,
        -- what the row was made from
        payment_number,
        source_hash
    from movements
    left join refunded_payments using (app, event_id, event_date, kind)
)

select * from payments
{{ replaced_rows('payment_number in (from changed_payments)') }}
