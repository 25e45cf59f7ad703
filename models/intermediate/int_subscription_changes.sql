{{ config(post_hook='{{ mark_built() }}') }}

with recursive

changes as (select * from {{ ref('int_subscription_events') }}),

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
            else list_append(list_filter(subscriptions, lambda known: known['subscription_id'] != named_id), named)
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
            followed.subscriptions,
            changes.*,
            list_filter(followed.subscriptions, lambda known: known['ends_at'] is null or known['ends_at'] > changes.occurred_at) as running,
            list_filter(followed.subscriptions, lambda known: known['ends_at'] <= changes.occurred_at) as ended,
            -- a cancellation ends what runs; other changes mean that too, and what came before where nothing else can be meant
            case
                when changes.money_event = 'subscription_cancelled' then running
                when changes.money_event = 'subscription_reactivated' and len(ended) > 0 then ended
                when len(running) > 0 then running
                else followed.subscriptions
            end as candidates,
            coalesce(
                changes.subscription_id,
                case
                    when changes.money_event = 'subscription_created' then 'of ' || changes.customer_id
                    when len(candidates) = 1 then candidates[1]['subscription_id']
                    -- its beginning lies before the data
                    when len(followed.subscriptions) = 0 and changes.money_event != 'subscription_cancelled' then 'of ' || changes.customer_id
                end
            ) as named_id,
            case when changes.money_event = 'subscription_cancelled' then changes.effective_at end as named_ends_at,
            struct_pack(subscription_id := named_id, ends_at := named_ends_at) as named
        from followed
        inner join changes
            on
                followed.app = changes.app
                and followed.customer_id = changes.customer_id
                and followed.place + 1 = changes.place
    ) as steps
),

subscription_changes as (
    select
        event_id,
        event_date,
        app,
        case
            when followed.event_id is not null then followed.subscription_id
            when changes.subscription_id is not null then changes.subscription_id
            when changes.person_id is not null then 'of ' || changes.person_id
            when changes.money_event != 'subscription_cancelled' then 'event ' || changes.event_id
        end as subscription_id,
        changes.person_id,
        changes.order_at_one_moment,
        case
            when followed.event_id is not null then followed.fault
            when changes.subscription_id is null and changes.person_id is null and changes.money_event = 'subscription_cancelled'
                then 'no_active_subscription'
        end as fault
    from changes
    left join followed using (app, event_id, event_date)
)

select * from subscription_changes
