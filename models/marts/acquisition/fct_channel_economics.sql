with

payments as (
    select
        *,
        cast(date_trunc('month', payment_date) as date) as period_start
    from {{ ref('fct_payments') }}
    where person_id is not null
),

sessions as not materialized (select * from {{ ref('fct_sessions') }}),

channel_spend as (select * from {{ ref('int_channel_spend') }}),

-- predictions are whole cents here, so that no order of adding them up shows
predictions as (
    select
        segment,
        segment_value,
        person_id,
        cast(sum(predicted_cents) as decimal(25, 0)) as predicted_cents
    from (
        select
            unnest({{ standard_segments({'app': 'app'}) }}, recursive := true),
            person_id,
            cast(round(predicted_ltv_cents) as bigint) as predicted_cents
        from {{ ref('dim_customer_ltv') }}
    )
    group by segment, segment_value, person_id
),

clocks as (select * from {{ ref('int_data_clocks') }}),

-- a customer of an app, and once more of everything
person_months as (
    select
        unnest({{ standard_segments({'app': 'app'}) }}, recursive := true),
        person_id,
        period_start,
        sum(revenue_cents) as revenue_cents,
        min(occurred_at) filter (where revenue_cents > 0) as first_paid_at
    from payments
    group by app, person_id, period_start
),

-- what came back before the first payment was paid before the data begin
customer_months as (
    select
        *,
        min(case when first_paid_at is not null then period_start end) over customer as cohort_start,
        min(first_paid_at) over customer as acquired_at
    from person_months
    window customer as (partition by segment, segment_value, person_id)
    qualify period_start >= cohort_start
),

customers as materialized (
    select
        row_number() over () as conversion_id,
        segment,
        segment_value,
        person_id as unit,
        cohort_start,
        epoch_us(any_value(acquired_at)) as at_us,
        cast(0 as bigint) as amount_cents
    from customer_months
    group by segment, segment_value, person_id, cohort_start
),

touches as (
    select
        person_id as unit,
        session_id as touch_id,
        epoch_us(started_at) as at_us,
        channel = 'Direct' as is_direct
    from sessions
    where is_visit and person_id in (select unit from customers)
),

credits as (
    {{ attribution('touches', 'customers', [setting('acquisition_model')]) }}
),

customer_credits as (
    select
        customers.segment,
        customers.segment_value,
        customers.unit as person_id,
        customers.cohort_start,
        coalesce(sessions.channel, 'Direct') as channel,
        sum(credits.credit) as credit
    from credits
    inner join customers
        on credits.conversion_id = customers.conversion_id
    left join sessions
        on credits.touch_id = sessions.session_id
    group by all
),

-- the channels of a customer in order, each with the share up to it: what is cut at these shares adds up to the cent
customer_channels as (
    select
        *,
        cast(sum(credit) over (partition by segment, segment_value, person_id order by channel) as decimal(13, 12)) as share_until,
        cast(share_until - credit as decimal(13, 12)) as share_before
    from customer_credits
),

acquired as (
    select
        channels.segment,
        channels.segment_value,
        channels.cohort_start as period_start,
        channels.channel,
        cast(sum(channels.credit) as decimal(38, 12)) as acquired_customers,
        cast(sum(predictions.predicted_cents * cast(channels.credit as decimal(13, 12))) as double)
        / cast(sum(channels.credit) filter (where predictions.predicted_cents is not null) as double) as predicted_ltv_cents
    from customer_channels as channels
    left join predictions
        on
            channels.segment = predictions.segment
            and channels.segment_value = predictions.segment_value
            and channels.person_id = predictions.person_id
    group by channels.segment, channels.segment_value, channels.cohort_start, channels.channel
),

customer_revenue as (
    select
        segment,
        segment_value,
        person_id,
        period_start,
        sum(revenue_cents) as revenue_cents
    from customer_months
    group by segment, segment_value, person_id, period_start
),

revenue as (
    select
        channels.segment,
        channels.segment_value,
        channels.cohort_start as period_start,
        channels.channel,
        date_diff('month', channels.cohort_start, months.period_start) as age_months,
        sum(
            round(cast(months.revenue_cents as decimal(25, 0)) * channels.share_until)
            - round(cast(months.revenue_cents as decimal(25, 0)) * channels.share_before)
        ) as revenue_cents
    from customer_channels as channels
    inner join customer_revenue as months
        on
            channels.segment = months.segment
            and channels.segment_value = months.segment_value
            and channels.person_id = months.person_id
    group by all
),

spend as (
    select
        segment,
        segment_value,
        period_start,
        channel,
        sum(spend_cents) as spend_cents
    from (
        select
            unnest({{ standard_segments({'app': 'app'}) }}, recursive := true),
            cast(date_trunc('month', spend_date) as date) as period_start,
            channel,
            spend_cents
        from channel_spend
    )
    group by all
),

cumulative_revenue as (
    select
        *,
        sum(revenue_cents) over (partition by segment, segment_value, period_start, channel order by age_months) as cumulative_cents
    from revenue
),

channel_revenue as (
    select
        revenue.segment,
        revenue.segment_value,
        revenue.period_start,
        revenue.channel,
        sum(revenue.revenue_cents) as revenue_cents,
        sum(revenue.revenue_cents) filter (where revenue.age_months = 0) as new_customer_revenue_cents,
        min(revenue.age_months) filter (
            where spend.spend_cents > 0 and revenue.cumulative_cents * {{ setting('gross_margin') }} >= spend.spend_cents
        ) as payback_months
    from cumulative_revenue as revenue
    left join spend
        on
            revenue.segment = spend.segment
            and revenue.segment_value = spend.segment_value
            and revenue.period_start = spend.period_start
            and revenue.channel = spend.channel
    group by revenue.segment, revenue.segment_value, revenue.period_start, revenue.channel
),

channel_economics as (
    select
        segment,
        segment_value,
        period_start,
        channel,
        cast(coalesce(spend.spend_cents, 0) as bigint) as spend_cents,
        coalesce(acquired.acquired_customers, 0) as acquired_customers,
        cast(coalesce(channel_revenue.new_customer_revenue_cents, 0) as bigint) as new_customer_revenue_cents,
        cast(coalesce(channel_revenue.revenue_cents, 0) as bigint) as revenue_cents,
        coalesce(spend.spend_cents, 0) / cast(nullif(acquired.acquired_customers, 0) as double) as cac_cents,
        channel_revenue.revenue_cents / cast(nullif(acquired.acquired_customers, 0) as double) as ltv_cents,
        acquired.predicted_ltv_cents,
        cast(channel_revenue.revenue_cents * {{ setting('gross_margin') }} as double) / nullif(spend.spend_cents, 0) as ltv_to_cac,
        channel_revenue.payback_months,
        coalesce({{ shift_period('period_start', 'month', 1) }} <= clocks.known_until, false) as is_complete
    from spend
    full join acquired using (segment, segment_value, period_start, channel)  -- noqa: ST07
    left join channel_revenue using (segment, segment_value, period_start, channel)  -- noqa: ST07
    -- an app with spend alone has no clock
    left join clocks
        on clocks.app is not distinct from case when segment = 'app' then segment_value end
)

select * from channel_economics
