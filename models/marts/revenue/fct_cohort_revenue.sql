with

cohorts as (
    select
        segment,
        segment_value,
        clock,
        cohort_start,
        count(distinct person_id) as customers
    from {{ ref('int_customer_revenue') }}
    group by all
),

-- an app's cohorts age until its own clock, those of all apps until the latest
ages as (
    select
        cohorts.*,
        months.period_start,
        months.is_complete
    from cohorts
    inner join {{ ref('int_clock_periods') }} as months using (clock)
    where months.period = 'month' and months.period_start >= cohorts.cohort_start
),

cohort_months as (
    select
        segment,
        segment_value,
        cohort_start,
        period_start,
        count(case when paid_payments > 0 then 1 end) as paying_customers,
        sum(revenue_cents) as revenue_cents
    from {{ ref('int_customer_revenue') }}
    group by all
),

cohort_revenue as (
    select
        segment,
        segment_value,
        cohort_start,
        date_diff('month', cohort_start, period_start) as period,
        ages.customers,
        coalesce(cohort_months.paying_customers, 0) as paying_customers,
        cast(coalesce(cohort_months.revenue_cents, 0) as bigint) as revenue_cents,
        cast(sum(coalesce(cohort_months.revenue_cents, 0)) over cohort_ages as bigint) as cumulative_revenue_cents,
        cumulative_revenue_cents / ages.customers as ltv_cents,
        ages.is_complete
    from ages
    left join cohort_months using (segment, segment_value, cohort_start, period_start)
    window cohort_ages as (partition by segment, segment_value, cohort_start order by period_start)
)

select * from cohort_revenue
