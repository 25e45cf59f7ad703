with

subscription_months as (select * from {{ ref('fct_subscription_months') }}),

person_origins as (select * from {{ ref('int_person_origins') }}),

-- several subscriptions of a customer are one sum: a change from one to another is neither churn nor new; nobody's is its own customer
customer_sums as (
    select
        app,
        coalesce(person_id, 'subscription ' || subscription_id) as customer_id,
        any_value(person_id) as person_id,
        period_start,
        cast(sum(opening_mrr_cents) as bigint) as opening_mrr_cents,
        cast(sum(closing_mrr_cents) as bigint) as closing_mrr_cents,
        count(fault) as faulty_subscriptions,
        count(*) filter (where has_begun) as new_subscriptions,
        count(*) filter (where has_trial_started) as trials_started,
        count(*) filter (where has_trial_converted) as trials_converted,
        any_value(is_complete) as is_complete
    from subscription_months
    group by app, customer_id, period_start
),

customer_months as (
    select
        customer_sums.app,
        customer_sums.customer_id,
        customer_sums.person_id,
        coalesce(person_origins.country, 'unknown') as country,
        coalesce(person_origins.device_type, 'unknown') as device_type,
        coalesce(person_origins.channel, 'Unassigned') as channel,
        customer_sums.period_start,
        customer_sums.opening_mrr_cents,
        customer_sums.closing_mrr_cents,
        {{ mrr_movement(
            'customer_sums.opening_mrr_cents',
            'customer_sums.closing_mrr_cents',
            'max(customer_sums.closing_mrr_cents) over months_before > 0',
        ) }} as movement,
        customer_sums.faulty_subscriptions,
        customer_sums.new_subscriptions,
        customer_sums.trials_started,
        customer_sums.trials_converted,
        customer_sums.is_complete
    from customer_sums
    left join person_origins
        on customer_sums.person_id = person_origins.person_id
    window months_before as (
        partition by customer_sums.app, customer_sums.customer_id
        order by customer_sums.period_start
        rows between unbounded preceding and 1 preceding
    )
)

select * from customer_months
