with

person_months as (
    select
        app,
        person_id,
        cast(date_trunc('month', payment_date) as date) as period_start,
        cast(sum(revenue_cents) as bigint) as revenue_cents,
        count(*) filter (where revenue_cents > 0) as paid_payments,
        min(occurred_at) filter (where revenue_cents > 0) as first_paid_at
    from {{ ref('int_payments') }}
    where person_id is not null
    group by all
),

-- a customer of an app, and once more of everything
segment_months as (
    select
        segment,
        segment_value,
        clock,
        person_id,
        period_start,
        cast(sum(revenue_cents) as bigint) as revenue_cents,
        cast(sum(paid_payments) as bigint) as paid_payments,
        min(first_paid_at) as first_paid_at
    from (select unnest({{ standard_segments({'app': 'app'}) }}, recursive := true), * from person_months)
    group by all
),

-- what came back before the first payment was paid before the data begin
customer_revenue as (
    select
        * exclude (first_paid_at),
        min(case when paid_payments > 0 then period_start end) over customer as cohort_start,
        min(first_paid_at) over customer as acquired_at
    from segment_months
    window customer as (partition by segment, segment_value, person_id)
    qualify period_start >= cohort_start
)

select * from customer_revenue
