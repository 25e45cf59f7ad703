with

priced_events as (
    select * from {{ ref('int_priced_money_events') }}
    where money_event like 'subscription%'
),

identities as (select * from {{ ref('int_identities') }}),

-- a change may have a price and a time that are at fault
faulty_changes as (
    select
        priced_events.* exclude (fault, time_fault),
        unnest(list_filter([priced_events.fault, priced_events.time_fault], lambda fault: fault is not null)) as fault
    from priced_events
),

subscription_faults as (
    select
        faulty_changes.app,
        faulty_changes.event_id,
        faulty_changes.subscription_id,
        identities.person_id,
        faulty_changes.money_event,
        faulty_changes.plan_id,
        faulty_changes.currency,
        faulty_changes.amount_cents,
        faulty_changes.fault,
        faulty_changes.money_date as change_date,
        faulty_changes.occurred_at
    from faulty_changes
    left join identities
        on faulty_changes.identity_key = identities.identity_key
)

select * from subscription_faults
