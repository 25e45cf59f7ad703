with

priced_events as (
    select * from {{ ref('int_priced_money_events') }}
    where money_event in ('payment_initiated', 'payment_completed', 'payment_failed', 'refund_issued')
),

identities as (select * from {{ ref('int_identities') }}),

-- money that goes back is a refund, whatever the event that says so is called
movements as (
    select
        priced_events.*,
        identities.person_id,
        case when money_event = 'refund_issued' or (money_event = 'payment_completed' and amount_cents < 0) then 'refund' else 'payment' end as kind,
        case money_event when 'payment_failed' then 'failed' when 'payment_initiated' then 'initiated' else 'completed' end as status,
        case
            when kind = 'refund' then -abs(coalesce(reporting_cents, 0))
            when status = 'completed' then coalesce(reporting_cents, 0)
            else 0
        end as revenue_cents
    from priced_events
    left join identities
        on priced_events.identity_key = identities.identity_key
),

-- of the events of one payment the furthest decides: completed before failed before initiated, what can be used before what cannot, then the earliest
payments_in_order as (
    select
        *,
        row_number() over payment_events as place,
        first_value(amount_cents) over payment_events as kept_amount_cents,
        first_value(currency) over payment_events as kept_currency,
        first_value(person_id) over payment_events as kept_person_id
    from movements
    where kind = 'payment' and payment_id is not null
    window payment_events as (
        partition by app, payment_id
        order by status, case when status = 'completed' then fault is not null end, occurred_at, event_id, event_date
    )
),

-- one that completes with the amount, currency and customer of the first, or does not say them, is that payment sent again; else its id is taken
named_payments as (
    select
        * replace (
            case when is_taken then 0 else revenue_cents end as revenue_cents,
            case when is_taken then 'payment_id_taken' when has_taken then 'payment_id_used_again' else fault end as fault
        )
    from (
        select
            *,
            place > 1
            and status = 'completed'
            and (
                fault is distinct from 'missing_amount'
                and (amount_cents, currency) is distinct from (kept_amount_cents, kept_currency)
                or person_id != kept_person_id
            ) is true as is_taken,
            bool_or(is_taken) over (partition by app, payment_id) as has_taken
        from payments_in_order
    )
    where place = 1 or is_taken
),

-- an event that names no payment is one of its own
payments as (
    select * exclude (place, kept_amount_cents, kept_currency, kept_person_id, is_taken, has_taken)
    from named_payments
    union all
    select *
    from movements
    where kind = 'payment' and payment_id is null
),

refunds as (
    select *
    from movements
    where kind = 'refund'
),

refunded_payments as (
    select
        payments.app,
        payments.event_id,
        payments.event_date,
        -sum(refunds.revenue_cents) as refunded_cents,
        -- rates move, so only money of one currency is compared
        sum(abs(refunds.amount_cents)) filter (where refunds.currency = payments.currency) > any_value(payments.amount_cents) as is_over_refunded
    from payments
    inner join refunds
        on payments.app = refunds.app and payments.payment_key = refunds.payment_key
    where refunds.payment_id is not null and payments.status = 'completed' and payments.fault is distinct from 'payment_id_taken'
    group by payments.app, payments.event_id, payments.event_date
),

-- money goes back to where it came from
content_of_payments as (
    select
        app,
        payment_key,
        min(content_id) as content_id,
        min(creator_id) as creator_id
    from movements
    where kind = 'payment' and (content_id is not null or creator_id is not null)
    group by app, payment_key
),

paid_or_refunded as (
    select
        coalesce(payments.payment_id, payments.event_id) as movement_id,
        cast(null as varchar) as refunded_payment_id,
        coalesce(refunded_payments.refunded_cents, 0) as refunded_cents,
        case when refunded_payments.is_over_refunded then 'refunded_more_than_paid' else payments.fault end as stated_fault,
        payments.*
    from payments
    left join refunded_payments
        on
            payments.app = refunded_payments.app
            and payments.event_id = refunded_payments.event_id
            and payments.event_date = refunded_payments.event_date
    union all
    select
        refunds.event_id as movement_id,
        refunds.payment_id as refunded_payment_id,
        0 as refunded_cents,
        case when refunds.money_event = 'refund_issued' and refunds.fault = 'negative_amount' then null else refunds.fault end as stated_fault,
        refunds.* replace (
            coalesce(refunds.content_id, content_of_payments.content_id) as content_id,
            coalesce(refunds.creator_id, content_of_payments.creator_id) as creator_id
        )
    from refunds
    left join content_of_payments
        on
            refunds.app = content_of_payments.app
            and refunds.payment_key = content_of_payments.payment_key
            and refunds.payment_id is not null
),

stated_payments as (
    select
        -- ids
        paid_or_refunded.event_id,
        paid_or_refunded.movement_id as payment_id,
        paid_or_refunded.refunded_payment_id,
        paid_or_refunded.person_id,
        paid_or_refunded.account_id,
        paid_or_refunded.order_id,
        paid_or_refunded.product_id,
        paid_or_refunded.subscription_id,
        paid_or_refunded.content_id,
        paid_or_refunded.creator_id,
        -- strings
        paid_or_refunded.app,
        paid_or_refunded.kind,
        paid_or_refunded.status,
        paid_or_refunded.country,
        paid_or_refunded.currency,
        paid_or_refunded.stated_fault as fault,
        -- numbers
        abs(paid_or_refunded.amount_cents) as amount_cents,
        paid_or_refunded.revenue_cents,
        cast(paid_or_refunded.refunded_cents as bigint) as refunded_cents,
        -- dates and timestamps (utc)
        paid_or_refunded.money_date as payment_date,
        paid_or_refunded.occurred_at
    from paid_or_refunded
)

select * from stated_payments
