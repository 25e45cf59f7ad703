with

payments as (
    select * from {{ ref('fct_payments') }}
    where person_id is not null
),

clocks as (select * from {{ ref('int_data_clocks') }}),

person_months as (
    select
        app,
        person_id,
        cast(date_trunc('month', payment_date) as date) as period_start,
        sum(revenue_cents) as revenue_cents,
        count(case when revenue_cents > 0 then 1 end) as paid_payments
    from payments
    group by app, person_id, date_trunc('month', payment_date)
),

-- a customer of an app, and once more of everything
segment_months as (
    select
        unnest({{ standard_segments({'app': 'app'}) }}, recursive := true),
        *
    from person_months
),

-- the cohort is the month of the first payment; what came back before it was paid before the data begin
customer_months as (
    select
        *,
        min(case when paid_payments > 0 then period_start end) over (partition by segment, segment_value, person_id) as cohort_start
    from segment_months
    qualify period_start >= cohort_start
),

cohorts as (
    select
        segment,
        segment_value,
        cohort_start,
        count(distinct person_id) as customers
    from customer_months
    group by segment, segment_value, cohort_start
),

-- an app's cohorts age until its own clock, those of all apps until the latest
ages as (
    select
        cohorts.*,
        cast(unnest(generate_series(cohorts.cohort_start, clocks.last_date, interval 1 month)) as date) as period_start,
        clocks.known_until
    from cohorts
    inner join clocks
        on clocks.app is not distinct from case when cohorts.segment = 'app' then cohorts.segment_value end
),

cohort_months as (
    select
        segment,
        segment_value,
        cohort_start,
        period_start,
        count(distinct case when paid_payments > 0 then person_id end) as paying_customers,
        sum(revenue_cents) as revenue_cents
    from customer_months
    group by segment, segment_value, cohort_start, period_start
),

cohort_revenue as (
    select
        ages.segment,
        ages.segment_value,
        ages.cohort_start,
        date_diff('month', ages.cohort_start, ages.period_start) as period,
        ages.customers,
        coalesce(cohort_months.paying_customers, 0) as paying_customers,
        cast(coalesce(cohort_months.revenue_cents, 0) as bigint) as revenue_cents,
        cast(sum(coalesce(cohort_months.revenue_cents, 0)) over cohort_ages as bigint) as cumulative_revenue_cents,
        cumulative_revenue_cents / ages.customers as ltv_cents,
        {{ shift_period('ages.period_start', 'month', 1) }} <= ages.known_until as is_complete
    from ages
    left join cohort_months
        on
            ages.segment = cohort_months.segment
            and ages.segment_value = cohort_months.segment_value
            and ages.cohort_start = cohort_months.cohort_start
            and ages.period_start = cohort_months.period_start
    window cohort_ages as (partition by ages.segment, ages.segment_value, ages.cohort_start order by ages.period_start)
)

select * from cohort_revenue
