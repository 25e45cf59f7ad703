with

payments as (

    select * from {{ ref('fct_payments') }}

),

person_origins as (

    select * from {{ ref('int_person_origins') }}

),

clocks as (

    {{ local_clocks(ref('int_data_clocks')) }}

),

calendar as (

    {{ calendar_of('clocks') }}

),

-- the lines of an order are one row a day, so that what follows is cheap
order_days as (

    select
        payments.app,
        coalesce(payments.country, 'unknown') as country,
        coalesce(person_origins.channel, 'Unassigned') as channel,
        payments.person_id,
        {{ order_key('payments.') }} as order_id,
        payments.payment_date as day,
        sum(payments.revenue_cents) as revenue_cents,
        sum(case when payments.revenue_cents > 0 then payments.revenue_cents else 0 end) as paid_cents,
        count(case when payments.kind = 'payment' and payments.status = 'completed' then 1 end) as successful_payments,
        count(case when payments.kind = 'payment' and payments.status = 'failed' then 1 end) as failed_payments,
        count(case when payments.kind = 'refund' then 1 end) as refunds,
        count(
            case when payments.fault not in ('negative_amount', 'payment_id_used_again', 'refunded_more_than_paid') and payments.status = 'completed' then 1 end
        ) as faulty_payments

    from payments

    left join person_origins
        on payments.person_id = person_origins.person_id

    group by
        payments.app,
        coalesce(payments.country, 'unknown'),
        coalesce(person_origins.channel, 'Unassigned'),
        payments.person_id,
        {{ order_key('payments.') }},
        payments.payment_date

),

segment_days as (

    select
        unnest({{ standard_segments({'app': 'app', 'country': 'country', 'channel': 'channel'}) }}, recursive := true),
        day,
        person_id,
        revenue_cents,
        paid_cents,
        successful_payments,
        failed_payments,
        refunds,
        faulty_payments,
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

purchases as (

    {{ in_every_period('customer_days', ['*']) | indent(4) }}

),

counts as (

    select
        segment,
        segment_value,
        period,
        period_start,
        cast(sum(paid_cents) as bigint) as paid_cents,
        cast(sum(revenue_cents) as bigint) as revenue_cents,
        count(distinct order_key) as orders,
        cast(sum(successful_payments) as bigint) as successful_payments,
        cast(sum(failed_payments) as bigint) as failed_payments,
        cast(sum(refunds) as bigint) as refunds,
        cast(sum(faulty_payments) as bigint) as faulty_payments,
        count(distinct customer_id) as paying_customers,
        count(distinct case when day = first_paid_day then customer_id end) as new_customers,
        count(distinct case when day > first_paid_day then customer_id end) as repeat_customers

    from purchases

    group by segment, segment_value, period, period_start

),

segment_spans as (

    select
        segment,
        segment_value,
        case when segment = 'app' then segment_value end as app,
        min(day) as first_day

    from segment_days

    group by segment, segment_value

),

-- from the first payment of a segment to the end of the data, so that a silent period is a zero and not a hole
segment_periods as (

    select
        segment_spans.segment,
        segment_spans.segment_value,
        calendar.period,
        calendar.period_start,
        calendar.next_period_start <= clocks.known_until as is_complete

    from segment_spans

    inner join clocks
        on segment_spans.app is not distinct from clocks.app

    inner join calendar
        on calendar.next_period_start > segment_spans.first_day and calendar.period_start <= clocks.last_date

),

revenue_overview as (

    select
        segment_periods.period,
        segment_periods.period_start,
        segment_periods.segment,
        segment_periods.segment_value,
        coalesce(counts.paid_cents, 0) as paid_cents,
        coalesce(counts.paid_cents - counts.revenue_cents, 0) as refunded_cents,
        coalesce(counts.revenue_cents, 0) as revenue_cents,
        coalesce(counts.orders, 0) as orders,
        coalesce(counts.successful_payments, 0) as successful_payments,
        coalesce(counts.failed_payments, 0) as failed_payments,
        coalesce(counts.refunds, 0) as refunds,
        coalesce(counts.faulty_payments, 0) as faulty_payments,
        coalesce(counts.paying_customers, 0) as paying_customers,
        coalesce(counts.new_customers, 0) as new_customers,
        coalesce(counts.repeat_customers, 0) as repeat_customers,
        segment_periods.is_complete

    from segment_periods

    left join counts
        on
            segment_periods.segment = counts.segment
            and segment_periods.segment_value = counts.segment_value
            and segment_periods.period = counts.period
            and segment_periods.period_start = counts.period_start

)

select * from revenue_overview
