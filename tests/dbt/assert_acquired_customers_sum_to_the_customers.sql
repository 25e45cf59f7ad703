-- A failing row is a month whose channels do not acquire exactly the customers of its cohort, do not bring exactly their revenue, or do not cost
-- exactly what was spent.
with

channels as (
    select
        segment,
        segment_value,
        period_start,
        sum(acquired_customers) as customers,
        sum(revenue_cents) as revenue_cents,
        sum(spend_cents) as spend_cents
    from {{ ref('fct_channel_economics') }}
    group by all
),

cohorts as (
    select
        segment,
        segment_value,
        cohort_start as period_start,
        any_value(customers) as customers,
        sum(revenue_cents) as revenue_cents
    from {{ ref('fct_cohort_revenue') }}
    where segment in ('all', 'app')
    group by all
),

spend as (
    select
        'all' as segment,
        'all' as segment_value,
        -- no calendar: money may be spent after the last event
        cast(date_trunc('month', spend_date) as date) as period_start,
        sum(spend_cents) as spend_cents
    from {{ ref('int_channel_spend') }}
    group by all
)

select
    segment,
    segment_value,
    period_start,
    channels.customers,
    cohorts.customers as customers_of_cohort,
    channels.revenue_cents,
    cohorts.revenue_cents as revenue_of_cohort,
    channels.spend_cents,
    spend.spend_cents as spend_of_month

from channels

full join cohorts using (segment, segment_value, period_start)

full join spend using (segment, segment_value, period_start)

where
    coalesce(channels.customers, 0) != coalesce(cohorts.customers, 0)
    or coalesce(channels.revenue_cents, 0) != coalesce(cohorts.revenue_cents, 0)
    or (segment = 'all' and coalesce(channels.spend_cents, 0) != coalesce(spend.spend_cents, 0))
