-- A failing row is an app whose cohorts do not hold the revenue of its customers since the month of their first payment.
with

customers as (
    select
        payments.app,
        payments.person_id,
        min(months.period_start) as cohort_start
    from {{ ref('fct_payments') }} as payments
    inner join {{ ref('int_period_days') }} as months
        on payments.payment_date = months.day and months.period = 'month'
    where payments.revenue_cents > 0
    group by all
),

revenue as (
    select
        app,
        count(distinct person_id) as customers,
        sum(payments.revenue_cents) as revenue_cents
    from {{ ref('fct_payments') }} as payments
    inner join customers using (app, person_id)
    where payments.payment_date >= customers.cohort_start
    group by app
),

cohorts as (
    select
        segment_value as app,
        sum(revenue_cents) as revenue_cents,
        sum(case when period = 0 then customers end) as customers
    from {{ ref('fct_cohort_revenue') }}
    where segment = 'app'
    group by app
)

select
    app,
    revenue.revenue_cents,
    cohorts.revenue_cents as revenue_of_cohorts

from revenue

full join cohorts using (app)

where revenue.revenue_cents is distinct from cohorts.revenue_cents or revenue.customers is distinct from cohorts.customers
