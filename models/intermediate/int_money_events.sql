{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where money_event is not null and {{ is_of_touched_days() }}
),

money_events as (
    select
        -- ids
        event_id,
        identity_key,
        account_id,
        payment_id,
        order_id,
        product_id,
        subscription_id,
        plan_id,
        content_id,
        creator_id,
        -- strings
        money_event,
        app,
        country,
        currency,
        billing_interval,
        -- numbers
        amount_cents,
        billing_interval_count,
        -- what was sent and is no number or time
        unreadable_properties,
        -- dates and timestamps (utc)
        event_date,
        occurred_at,
        effective_at,
        trial_ends_at
    from events
)

select * from money_events
{{ replaced_rows(is_of_touched_days()) }}
