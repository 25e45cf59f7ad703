with

-- several subscriptions of a customer are one sum: a change from one to another is neither churn nor new; nobody's is its own customer
customer_sums as (
    select
        as_of_clock,
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
    from {{ ref('int_subscription_months') }}
    group by as_of_clock, app, customer_id, period_start
),

customer_months as (
    select
        customer_sums.as_of_clock,
        customer_sums.app,
        customer_sums.customer_id,
        customer_sums.person_id,
        coalesce(person_origins.country, 'unknown') as country,
        coalesce(person_origins.device_type, 'unknown') as device_type,
        coalesce(person_origins.channel, 'Unassigned') as channel,
        period_start,
        opening_mrr_cents,
        closing_mrr_cents,
        mrr_movement(opening_mrr_cents, closing_mrr_cents, max(closing_mrr_cents) over months_before > 0) as movement,
        faulty_subscriptions,
        new_subscriptions,
        trials_started,
        trials_converted,
        is_complete
    from customer_sums
    left join {{ ref('int_person_origins') }} as person_origins using (person_id)
    window months_before as (
        partition by as_of_clock, customer_sums.app, customer_id
        order by period_start
        rows between unbounded preceding and 1 preceding
    )
)

select * from customer_months
