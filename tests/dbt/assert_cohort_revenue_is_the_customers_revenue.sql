-- A failing row is an app whose cohorts do not hold the revenue of its customers since the month of their first payment.
with

customers as (
    select
        app,
        person_id,
        min(date_trunc('month', payment_date)) as cohort_start
    from {{ ref('fct_payments') }}
    where revenue_cents > 0 and person_id is not null
    group by app, person_id
),

revenue as (
    select
        payments.app,
        count(distinct payments.person_id) as customers,
        sum(payments.revenue_cents) as revenue_cents
    from {{ ref('fct_payments') }} as payments
    inner join customers
        on payments.app = customers.app and payments.person_id = customers.person_id
    where payments.payment_date >= customers.cohort_start
    group by payments.app
),

cohorts as (
    select
        segment_value as app,
        sum(revenue_cents) as revenue_cents,
        sum(case when period = 0 then customers end) as customers
    from {{ ref('fct_cohort_revenue') }}
    where segment = 'app'
    group by segment_value
)

select
    revenue.app,
    revenue.revenue_cents,
    cohorts.revenue_cents as revenue_of_cohorts

from revenue

full join cohorts
    on revenue.app = cohorts.app

where revenue.revenue_cents is distinct from cohorts.revenue_cents or revenue.customers is distinct from cohorts.customers
