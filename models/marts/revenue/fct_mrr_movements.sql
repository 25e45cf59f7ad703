with

segment_customer_months as (
    select
        unnest({{ standard_segments({'app': 'app', 'country': 'country', 'device_type': 'device_type', 'channel': 'channel'}) }}, recursive := true),
        *
    from {{ ref('int_customer_months') }}
),

-- rows of an app are as of its own clock, those of other segments as of the latest
moved_months as (
    select
        segment,
        segment_value,
        clock,
        period_start,
        sum(opening_mrr_cents) as opening_mrr_cents,
        sum(closing_mrr_cents) filter (where movement = 'new') as new_mrr_cents,
        sum(closing_mrr_cents - opening_mrr_cents) filter (where movement = 'expansion') as expansion_mrr_cents,
        sum(opening_mrr_cents - closing_mrr_cents) filter (where movement = 'contraction') as contraction_mrr_cents,
        sum(opening_mrr_cents) filter (where movement = 'churn') as churned_mrr_cents,
        sum(closing_mrr_cents) filter (where movement = 'reactivation') as reactivation_mrr_cents,
        sum(closing_mrr_cents) as closing_mrr_cents,
        count(*) filter (where opening_mrr_cents > 0) as opening_customers,
        count(*) filter (where movement = 'new') as new_customers,
        count(*) filter (where movement = 'churn') as churned_customers,
        count(*) filter (where movement = 'reactivation') as reactivated_customers,
        count(*) filter (where closing_mrr_cents > 0) as closing_customers,
        sum(faulty_subscriptions) as faulty_subscriptions,
        sum(new_subscriptions) as new_subscriptions,
        sum(trials_started) as trials_started,
        sum(trials_converted) as trials_converted
    from segment_customer_months
    where clock = as_of_clock
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
        periods.period_start,
        segments.segment,
        segments.segment_value,
        cast(coalesce(columns(moved_months.* exclude (segment, segment_value, clock, period_start)), 0) as bigint),
        periods.is_complete
    from segments
    inner join {{ ref('int_clock_periods') }} as periods
        on segments.clock = periods.clock and periods.period = 'month' and periods.period_start >= segments.first_month
    left join moved_months
        on
            segments.segment = moved_months.segment
            and segments.segment_value = moved_months.segment_value
            and periods.period_start = moved_months.period_start
),

mrr_movements as (
    select
        * exclude (is_complete),
        churned_customers / nullif(opening_customers, 0) as logo_churn_rate,
        (opening_mrr_cents - contraction_mrr_cents - churned_mrr_cents) / nullif(opening_mrr_cents, 0) as gross_revenue_retention,
        (opening_mrr_cents + expansion_mrr_cents - contraction_mrr_cents - churned_mrr_cents) / nullif(opening_mrr_cents, 0) as net_revenue_retention,
        closing_mrr_cents / nullif(closing_customers, 0) as arpu_cents,
        is_complete
    from segment_months
)

select * from mrr_movements
