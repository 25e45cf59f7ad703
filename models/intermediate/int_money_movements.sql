{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

-- money that goes back is a refund, whatever the event that says so is called
all_movements as not materialized (
    select
        priced_events.*,
        identities.person_id,
        case when money_event = 'refund_issued' or (money_event = 'payment_completed' and amount_cents < 0) then 'refund' else 'payment' end as kind,
        case money_event when 'payment_failed' then 'failed' when 'payment_initiated' then 'initiated' else 'completed' end as status,
        case
            when kind = 'refund' then -abs(coalesce(reporting_cents, 0))
            when status = 'completed' then coalesce(reporting_cents, 0)
            else 0
        end as revenue_cents,
        hash(hash(priced_events), identities.person_id) as source_hash
    from (select * exclude (source_hash) from {{ ref('int_priced_money_events') }}) as priced_events
    left join {{ ref('int_identities') }} as identities using (identity_key)
    where money_event in ('payment_initiated', 'payment_completed', 'payment_failed', 'refund_issued')
),

changed_payments as materialized (
    {{ changed_payments('all_movements') | indent(4) }}
),

movements as (
    select * from all_movements
    where {{ 'payment_number in (from changed_payments)' if is_incremental() else 'true' }}
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
claimed_payments as (
    select
        *,
        place > 1
        and status = 'completed'
        and (
            fault is distinct from 'missing_amount'
            and (amount_cents, currency) is distinct from (kept_amount_cents, kept_currency)
            or person_id != kept_person_id
        ) is true as is_taken,
        bool_or(is_taken) over (partition by app, payment_id) as has_taken,
        -- what is sent again has no row, and is part of what the payment's was made from
        bit_xor(case when not is_taken then source_hash end) over (partition by app, payment_id) as kept_source_hash
    from payments_in_order
),

named_payments as (
    select
        * exclude (place, kept_amount_cents, kept_currency, kept_person_id, is_taken, has_taken, kept_source_hash) replace (
            case when is_taken then source_hash else kept_source_hash end as source_hash,
            case when is_taken then 0 else revenue_cents end as revenue_cents,
            case when is_taken then 'payment_id_taken' when has_taken then 'payment_id_used_again' else fault end as fault
        )
    from claimed_payments
    where place = 1 or is_taken
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
    group by all
),

refunds as (
    select
        movements.* replace (
            coalesce(movements.content_id, case when movements.payment_id is not null then content.content_id end) as content_id,
            coalesce(movements.creator_id, case when movements.payment_id is not null then content.creator_id end) as creator_id
        )
    from movements
    left join content_of_payments as content using (app, payment_key)
    where movements.kind = 'refund'
),

-- an event that names no payment is one of its own
money_movements as (
    select * from named_payments
    union all
    select * from movements
    where kind = 'payment' and payment_id is null
    union all
    select * from refunds
)

select * from money_movements
{{ replaced_rows('payment_number in (from changed_payments)') }}
