with

-- a change may have a price and a time that are at fault
faulty_changes as (
    select
        * exclude (fault, time_fault),
        unnest(list_filter([fault, time_fault], lambda fault: fault is not null)) as fault
    from {{ ref('int_priced_money_events') }}
    where money_event like 'subscription%'
),

subscription_faults as (
    select
        faulty_changes.app,
        event_id,
        subscription_id,
        identities.person_id,
        money_event,
        plan_id,
        currency,
        amount_cents,
        fault,
        money_date as change_date,
        occurred_at
    from faulty_changes
    left join {{ ref('int_identities') }} as identities using (identity_key)
)

select * from subscription_faults
