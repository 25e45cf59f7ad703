-- A failing row is a month of an app until its clock, or of all apps, whose subscriptions and whose customers do not close at the same MRR.
with

clocks as (select * from {{ ref('int_data_clocks') }}),

subscriptions as (
    select
        clocks.app,
        subscription_months.period_start,
        sum(subscription_months.closing_mrr_cents) as mrr_cents
    from {{ ref('fct_subscription_months') }} as subscription_months
    inner join clocks
        on
            (clocks.app is null or subscription_months.app = clocks.app)
            and subscription_months.period_start <= clocks.last_date
    group by clocks.app, subscription_months.period_start
),

customers as (
    select
        case when segment = 'app' then segment_value end as app,
        period_start,
        closing_mrr_cents as mrr_cents
    from {{ ref('fct_mrr_movements') }}
    where segment in ('app', 'all')
)

select
    coalesce(subscriptions.app, customers.app) as app,
    coalesce(subscriptions.period_start, customers.period_start) as period_start,
    subscriptions.mrr_cents,
    customers.mrr_cents as mrr_of_customers

from subscriptions

full join customers
    on subscriptions.app is not distinct from customers.app and subscriptions.period_start = customers.period_start

where coalesce(subscriptions.mrr_cents, 0) != coalesce(customers.mrr_cents, 0)
