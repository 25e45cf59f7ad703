with

segment_customer_months as (
    select
        unnest({{ standard_segments({'app': 'app', 'country': 'country', 'device_type': 'device_type', 'channel': 'channel'}) }}, recursive := true),
        *
    from {{ ref('fct_customer_months') }}
),

moved_months as (
    select
        segment,
        segment_value,
        clock,
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
    group by all
),

segments as (
    select
        segment,
        segment_value,
        clock,
        min(period_start) as first_month
    from moved_months
    group by all
),

-- from a segment's first month on: a month without a row is a zero and not a hole, since everybody had left
segment_months as (
    select
        segments.segment,
        segments.segment_value,
        periods.period_start,
        periods.is_complete
    from segments
    inner join {{ ref('int_clock_periods') }} as periods using (clock)
    where periods.period = 'month' and periods.period_start >= segments.first_month
),

mrr_movements as (
    select
        period_start,
        segment,
        segment_value,
        cast(coalesce(moved_months.opening_mrr_cents, 0) as bigint) as opening_mrr_cents,
        cast(coalesce(moved_months.new_mrr_cents, 0) as bigint) as new_mrr_cents,
        cast(coalesce(moved_months.expansion_mrr_cents, 0) as bigint) as expansion_mrr_cents,
        cast(coalesce(moved_months.contraction_mrr_cents, 0) as bigint) as contraction_mrr_cents,
        cast(coalesce(moved_months.churned_mrr_cents, 0) as bigint) as churned_mrr_cents,
        cast(coalesce(moved_months.reactivation_mrr_cents, 0) as bigint) as reactivation_mrr_cents,
        cast(coalesce(moved_months.closing_mrr_cents, 0) as bigint) as closing_mrr_cents,
        cast(coalesce(moved_months.opening_customers, 0) as bigint) as opening_customers,
        cast(coalesce(moved_months.new_customers, 0) as bigint) as new_customers,
        cast(coalesce(moved_months.churned_customers, 0) as bigint) as churned_customers,
        cast(coalesce(moved_months.reactivated_customers, 0) as bigint) as reactivated_customers,
        cast(coalesce(moved_months.closing_customers, 0) as bigint) as closing_customers,
        cast(coalesce(moved_months.faulty_subscriptions, 0) as bigint) as faulty_subscriptions,
        cast(coalesce(moved_months.new_subscriptions, 0) as bigint) as new_subscriptions,
        cast(coalesce(moved_months.trials_started, 0) as bigint) as trials_started,
        cast(coalesce(moved_months.trials_converted, 0) as bigint) as trials_converted,
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
        is_complete
    from segment_months
    left join moved_months using (segment, segment_value, period_start)
)

select * from mrr_movements
