-- A failing row is a month and app whose subscriptions and whose customers do not close at the same MRR.
with

subscriptions as (

    select
        app,
        period_start,
        sum(closing_mrr_cents) as mrr_cents

    from {{ ref('fct_subscription_months') }}

    group by app, period_start

),

customers as (

    select
        segment_value as app,
        period_start,
        closing_mrr_cents as mrr_cents

    from {{ ref('fct_mrr_movements') }}

    where segment = 'app'

)

select
    coalesce(subscriptions.app, customers.app) as app,
    coalesce(subscriptions.period_start, customers.period_start) as period_start,
    subscriptions.mrr_cents,
    customers.mrr_cents as mrr_of_customers

from subscriptions

full join customers
    on subscriptions.app = customers.app and subscriptions.period_start = customers.period_start

where coalesce(subscriptions.mrr_cents, 0) != coalesce(customers.mrr_cents, 0)
