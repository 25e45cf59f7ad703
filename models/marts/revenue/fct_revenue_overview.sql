with

-- the lines of an order are one row a day, so that what follows is cheap
order_days as (
    select
        payments.app,
        coalesce(payments.country, 'unknown') as country,
        coalesce(person_origins.channel, 'Unassigned') as channel,
        payments.person_id,
        order_key(payments.order_id, payments.event_id, payments.occurred_at) as order_id,
        payments.payment_date as day,
        sum(payments.revenue_cents) as revenue_cents,
        sum(case when payments.revenue_cents > 0 then payments.revenue_cents else 0 end) as paid_cents,
        count(case when payments.kind = 'payment' and payments.status = 'completed' then 1 end) as successful_payments,
        count(case when payments.kind = 'payment' and payments.status = 'failed' then 1 end) as failed_payments,
        count(case when payments.kind = 'refund' then 1 end) as refunds,
        count(*) filter (
            where payments.fault not in ('negative_amount', 'payment_id_used_again', 'refunded_more_than_paid') and payments.status = 'completed'
        ) as faulty_payments
    from {{ ref('fct_payments') }} as payments
    left join {{ ref('int_person_origins') }} as person_origins using (person_id)
    group by all
),

segment_days as (
    select
        unnest({{ standard_segments({'app': 'app', 'country': 'country', 'channel': 'channel'}) }}, recursive := true),
        *,
        case when successful_payments > 0 then hash(app, order_id) end as order_key,
        case when paid_cents > 0 then person_id end as customer_id
    from order_days
),

-- who pays on a later day than their first one pays again
customer_days as (
    select
        *,
        min(case when customer_id is not null then day end) over (partition by segment, segment_value, person_id) as first_paid_day
    from segment_days
),

counts as (
    select
        segment,
        segment_value,
        period,
        period_start,
        sum(paid_cents) as paid_cents,
        sum(paid_cents) - sum(revenue_cents) as refunded_cents,
        sum(revenue_cents) as revenue_cents,
        count(distinct order_key) as orders,
        sum(successful_payments) as successful_payments,
        sum(failed_payments) as failed_payments,
        sum(refunds) as refunds,
        sum(faulty_payments) as faulty_payments,
        count(distinct customer_id) as paying_customers,
        count(distinct case when day = first_paid_day then customer_id end) as new_customers,
        count(distinct case when day > first_paid_day then customer_id end) as repeat_customers
    from customer_days
    inner join {{ ref('int_period_days') }} using (day)
    group by all
),

segments as (
    select
        segment,
        segment_value,
        clock,
        min(day) as first_day
    from segment_days
    group by all
),

-- from the first payment of a segment on, so that a silent period is a zero and not a hole
revenue_overview as (
    select
        periods.period,
        periods.period_start,
        segments.segment,
        segments.segment_value,
        cast(coalesce(columns(counts.* exclude (segment, segment_value, period, period_start)), 0) as bigint),
        periods.is_complete
    from segments
    inner join {{ ref('int_clock_periods') }} as periods
        on segments.clock = periods.clock and periods.period_end > segments.first_day
    left join counts
        on
            segments.segment = counts.segment
            and segments.segment_value = counts.segment_value
            and periods.period = counts.period
            and periods.period_start = counts.period_start
)

select * from revenue_overview
