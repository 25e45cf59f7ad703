{{ config(post_hook='{{ mark_built() }}') }}

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
        identities.person_id,
        -- at one moment an end comes before a start: what is ended and begun anew at once goes on
        case
            when money_events.money_event in ('subscription_created', 'subscription_reactivated') then 3
            when money_events.money_event = 'subscription_cancelled' then 2
            else 1
        end as order_at_one_moment
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

subscription_events as (
    select
        *,
        row_number() over (
            partition by app, customer_id
            order by occurred_at, order_at_one_moment, event_id, event_date
        ) as place
    from events_with_customer
)

select * from subscription_events
