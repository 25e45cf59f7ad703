with

events_with_person as (
    select
        money_events.event_id,
        money_events.event_date,
        money_events.app,
        money_events.subscription_id,
        money_events.money_event,
        money_events.occurred_at,
        coalesce(money_events.effective_at, money_events.occurred_at) as effective_at,
        identities.person_id
    from {{ ref('int_money_events') }} as money_events
    left join {{ ref('int_identities') }} as identities using (identity_key)
    where money_events.money_event like 'subscription%'
),

-- one that names no subscription is its person's, one that does is the customer's whose subscription it is
events_with_customer as (
    select
        *,
        case
            when subscription_id is null then person_id
            else first_value(person_id ignore nulls) over events_of_subscription
        end as customer_id
    from events_with_person
    window events_of_subscription as (
        partition by app, subscription_id
        order by occurred_at, event_id, event_date
        rows between unbounded preceding and unbounded following
    )
),

-- at one moment an end comes before a start
subscription_events as (
    select
        *,
        row_number() over (
            partition by app, customer_id
            order by occurred_at, {{ order_at_one_moment('money_event') }}, event_id, event_date
        ) as place
    from events_with_customer
)

select * from subscription_events
