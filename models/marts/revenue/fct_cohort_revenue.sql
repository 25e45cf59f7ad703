with

payments as (

    select * from {{ ref('fct_payments') }}

    where person_id is not null

),

months as (

    select
        month_start_date as period_start,
        bool_and(is_complete) as is_complete

    from {{ ref('dim_dates') }}

    group by month_start_date

),

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
        cohorts.segment,
        cohorts.segment_value,
        cohorts.cohort_start,
        date_diff('month', cohorts.cohort_start, months.period_start) as period,
        cohorts.customers,
        coalesce(cohort_months.paying_customers, 0) as paying_customers,
        cast(coalesce(cohort_months.revenue_cents, 0) as bigint) as revenue_cents,
        cast(sum(coalesce(cohort_months.revenue_cents, 0)) over cohort_ages as bigint) as cumulative_revenue_cents,
        cumulative_revenue_cents / cohorts.customers as ltv_cents,
        months.is_complete

    from cohorts

    inner join months
        on months.period_start >= cohorts.cohort_start

    left join cohort_months
        on
            cohorts.segment = cohort_months.segment
            and cohorts.segment_value = cohort_months.segment_value
            and cohorts.cohort_start = cohort_months.cohort_start
            and months.period_start = cohort_months.period_start

    window cohort_ages as (partition by cohorts.segment, cohorts.segment_value, cohorts.cohort_start order by months.period_start)

)

select * from cohort_revenue
