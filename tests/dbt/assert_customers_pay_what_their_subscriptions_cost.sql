-- A failing row is a month of an app until its clock, or of all apps, whose subscriptions and whose customers do not close at the same MRR.
with

subscriptions as (
    select
        as_of_clock as app,
        period_start,
        sum(closing_mrr_cents) as mrr_cents
    from {{ ref('int_subscription_months') }}
    group by all
),

customers as (
    select
        case when segment = 'app' then segment_value else '' end as app,
        period_start,
        closing_mrr_cents as mrr_of_customers
    from {{ ref('fct_mrr_movements') }}
    where segment in ('app', 'all')
)

select * from subscriptions

full join customers using (app, period_start)

where coalesce(mrr_cents, 0) != coalesce(mrr_of_customers, 0)
