with recursive

money_events as (
    select * from {{ ref('int_money_events') }}
    where money_event like 'subscription%'
),

identities as (select * from {{ ref('int_identities') }}),

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
    from money_events
    left join identities
        on money_events.identity_key = identities.identity_key
),

-- a change that names no subscription is its person's, one that does is the customer's whose subscription it is; at one moment an end comes before a start
changes as (
    select
        *,
        row_number() over (
            partition by app, customer_id
            order by occurred_at, {{ order_at_one_moment('money_event') }}, event_id, event_date
        ) as place
    from (
        select
            *,
            case
                when subscription_id is null then person_id
                else first_value(person_id ignore nulls) over (
                    partition by app, subscription_id
                    order by occurred_at, event_id, event_date
                    rows between unbounded preceding and unbounded following
                )
            end as customer_id
        from events_with_person
    )
),

-- the others need no walk: what begins without an id is the one subscription that its person has so
customers_to_follow as (
    select distinct
        app,
        customer_id
    from changes
    where subscription_id is null and money_event != 'subscription_created' and customer_id is not null
),

-- change after change of such a customer, with all subscriptions known by then and when they end
followed as (
    select
        app,
        customer_id,
        cast(0 as bigint) as place,
        cast([] as struct(subscription_id varchar, ends_at timestamp)[]) as subscriptions,
        cast(null as varchar) as event_id,
        cast(null as date) as event_date,
        cast(null as varchar) as subscription_id,
        cast(null as varchar) as fault
    from customers_to_follow
    union all
    select
        app,
        customer_id,
        place,
        case
            when named_id is null then subscriptions
            else list_append(
                list_filter(subscriptions, lambda known: known.subscription_id != named_id),
                {'subscription_id': named_id, 'ends_at': case when money_event = 'subscription_cancelled' then effective_at end}
            )
        end as subscriptions,
        event_id,
        event_date,
        named_id as subscription_id,
        case
            when named_id is not null then null
            when len(candidates) = 0 then 'no_active_subscription'
            else 'several_subscriptions'
        end as fault
    from (
        select
            *,
            coalesce(
                sent_id,
                case
                    when money_event = 'subscription_created' then 'of ' || customer_id
                    when len(candidates) = 1 then candidates[1].subscription_id
                    -- its beginning lies before the data
                    when len(subscriptions) = 0 and money_event != 'subscription_cancelled' then 'of ' || customer_id
                end
            ) as named_id
        from (
            select
                followed.subscriptions,
                changes.* exclude (subscription_id),
                changes.subscription_id as sent_id,
                list_filter(
                    followed.subscriptions, lambda known: known.ends_at is null or known.ends_at > changes.occurred_at
                ) as running,
                list_filter(followed.subscriptions, lambda known: known.ends_at <= changes.occurred_at) as ended,
                -- a cancellation ends what runs; other changes mean that too, and what came before where nothing else can be meant
                case
                    when changes.money_event = 'subscription_cancelled' then running
                    when changes.money_event = 'subscription_reactivated' and len(ended) > 0 then ended
                    when len(running) > 0 then running
                    else followed.subscriptions
                end as candidates
            from followed
            inner join changes
                on
                    followed.app = changes.app
                    and followed.customer_id = changes.customer_id
                    and followed.place + 1 = changes.place
        )
    )
),

subscription_changes as (
    select
        changes.event_id,
        changes.event_date,
        changes.app,
        case
            when followed.event_id is not null then followed.subscription_id
            when changes.subscription_id is not null then changes.subscription_id
            when changes.person_id is not null then 'of ' || changes.person_id
            when changes.money_event != 'subscription_cancelled' then 'event ' || changes.event_id
        end as subscription_id,
        changes.person_id,
        case
            when followed.event_id is not null then followed.fault
            when changes.subscription_id is null and changes.person_id is null and changes.money_event = 'subscription_cancelled'
                then 'no_active_subscription'
        end as fault
    from changes
    left join followed
        on
            changes.app = followed.app
            and changes.event_id = followed.event_id
            and changes.event_date = followed.event_date
)

select * from subscription_changes
