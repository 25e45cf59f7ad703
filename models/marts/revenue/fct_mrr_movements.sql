with

customer_months as (

    select * from {{ ref('fct_customer_months') }}

),

clocks as (

    {{ local_clocks(ref('int_data_clocks')) }}

),

segment_customer_months as (

    select
        unnest({{ standard_segments({'app': 'app', 'country': 'country', 'device_type': 'device_type', 'channel': 'channel'}) }}, recursive := true),
        *

    from customer_months

),

moved_months as (

    select
        segment,
        segment_value,
        period_start,
        sum(opening_mrr_cents) as opening_mrr_cents,
        sum(case when movement = 'new' then closing_mrr_cents else 0 end) as new_mrr_cents,
        sum(case when movement = 'expansion' then closing_mrr_cents - opening_mrr_cents else 0 end) as expansion_mrr_cents,
        sum(case when movement = 'contraction' then opening_mrr_cents - closing_mrr_cents else 0 end) as contraction_mrr_cents,
        sum(case when movement = 'churn' then opening_mrr_cents else 0 end) as churned_mrr_cents,
        sum(case when movement = 'reactivation' then closing_mrr_cents else 0 end) as reactivation_mrr_cents,
        sum(closing_mrr_cents) as closing_mrr_cents,
        count(case when opening_mrr_cents > 0 then 1 end) as opening_customers,
        count(case when movement = 'new' then 1 end) as new_customers,
        count(case when movement = 'churn' then 1 end) as churned_customers,
        count(case when movement = 'reactivation' then 1 end) as reactivated_customers,
        count(case when closing_mrr_cents > 0 then 1 end) as closing_customers,
        cast(sum(faulty_subscriptions) as bigint) as faulty_subscriptions,
        cast(sum(new_subscriptions) as bigint) as new_subscriptions,
        cast(sum(trials_started) as bigint) as trials_started,
        cast(sum(trials_converted) as bigint) as trials_converted

    from segment_customer_months

    group by segment, segment_value, period_start

),

first_months as (

    select
        segment,
        segment_value,
        min(period_start) as first_period_start

    from moved_months

    group by segment, segment_value

),

-- a month without a row is a zero and not a hole: everybody had left
segment_months as (

    select
        first_months.segment,
        first_months.segment_value,
        cast(
            unnest(generate_series(first_months.first_period_start, clocks.last_date, interval 1 month)) as date
        ) as period_start,
        clocks.known_until

    from first_months

    inner join clocks
        on clocks.app is not distinct from case when first_months.segment = 'app' then first_months.segment_value end

),

mrr_movements as (

    select
        segment_months.period_start,
        segment_months.segment,
        segment_months.segment_value,
        {% for amount in [
            'opening_mrr_cents', 'new_mrr_cents', 'expansion_mrr_cents', 'contraction_mrr_cents', 'churned_mrr_cents',
            'reactivation_mrr_cents', 'closing_mrr_cents', 'opening_customers', 'new_customers', 'churned_customers',
            'reactivated_customers', 'closing_customers', 'faulty_subscriptions', 'new_subscriptions', 'trials_started', 'trials_converted',
        ] -%}
        cast(coalesce(moved_months.{{ amount }}, 0) as bigint) as {{ amount }},
        {% endfor -%}
        moved_months.churned_customers / nullif(moved_months.opening_customers, 0) as logo_churn_rate,
        (moved_months.opening_mrr_cents - moved_months.contraction_mrr_cents - moved_months.churned_mrr_cents)
        / nullif(moved_months.opening_mrr_cents, 0) as gross_revenue_retention,
        (
            moved_months.opening_mrr_cents
            + moved_months.expansion_mrr_cents
            - moved_months.contraction_mrr_cents
            - moved_months.churned_mrr_cents
        ) / nullif(moved_months.opening_mrr_cents, 0) as net_revenue_retention,
        moved_months.closing_mrr_cents / nullif(moved_months.closing_customers, 0) as arpu_cents,
        {{ shift_period('segment_months.period_start', 'month', 1) }} <= segment_months.known_until as is_complete

    from segment_months

    left join moved_months
        on
            segment_months.segment = moved_months.segment
            and segment_months.segment_value = moved_months.segment_value
            and segment_months.period_start = moved_months.period_start

)

select * from mrr_movements
