{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where event_name in ('charge_started', 'charge_stopped', 'wallet_credited') and {{ is_of_touched_days() }}
),

charging_events as (
    select
        -- ids
        event_id,
        identity_key,
        charging_session_id,
        station_id,
        location_id,
        -- strings
        app,
        nullif(trim(region), '') as region,
        case event_name when 'charge_started' then 'start' when 'charge_stopped' then 'stop' else 'credit' end as step,
        currency,
        -- numbers; decimals, because the sum of doubles depends on their order
        amount_cents,
        case when energy_kwh >= 0 then try_cast(energy_kwh as decimal(18, 6)) end as energy_kwh,
        -- what was sent and is no number
        unreadable_properties,
        case
            when unreadable_properties['energy_kwh'] is not null then 'unreadable_energy'
            when energy_kwh < 0 then 'negative_energy'
            when energy_kwh is not null and try_cast(energy_kwh as decimal(18, 6)) is null then 'energy_out_of_range'
        end as energy_fault,
        -- dates and timestamps (utc)
        event_date,
        occurred_at
    from events
)

select * from charging_events
{{ replaced_rows(is_of_touched_days()) }}
