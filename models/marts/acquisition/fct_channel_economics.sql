with

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
    group by all
),

acquired as (
    select
        segment,
        segment_value,
        clock,
        cohort_start as period_start,
        channel,
        cast(sum(credit) as decimal(38, 12)) as acquired_customers,
        cast(sum(predicted_cents * credit) as double)
        / cast(sum(credit) filter (where predicted_cents is not null) as double) as predicted_ltv_cents
    from {{ ref('int_customer_channels') }}
    left join predictions using (segment, segment_value, person_id)
    group by all
),

spend as (
    select
        segment,
        segment_value,
        clock,
        period_start,
        channel,
        sum(spend_cents) as spend_cents
    from (
        select
            unnest({{ standard_segments({'app': 'app'}) }}, recursive := true),
            cast(date_trunc('month', spend_date) as date) as period_start,
            channel,
            spend_cents
        from {{ ref('int_channel_spend') }}
    )
    group by all
),

revenue as (
    select
        segment,
        segment_value,
        channels.cohort_start as period_start,
        channels.channel,
        date_diff('month', channels.cohort_start, months.period_start) as age_months,
        sum(
            round(cast(months.revenue_cents as decimal(25, 0)) * channels.share_until)
            - round(cast(months.revenue_cents as decimal(25, 0)) * channels.share_before)
        ) as revenue_cents
    from {{ ref('int_customer_channels') }} as channels
    inner join {{ ref('int_customer_revenue') }} as months using (segment, segment_value, person_id)
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
        segment,
        segment_value,
        period_start,
        channel,
        sum(revenue_cents) as revenue_cents,
        sum(revenue_cents) filter (where age_months = 0) as new_customer_revenue_cents,
        min(age_months) filter (where spend_cents > 0 and cumulative_cents * {{ setting('gross_margin') }} >= spend_cents) as payback_months
    from cumulative_revenue
    left join spend using (segment, segment_value, period_start, channel)
    group by all
),

clock_months as (
    select *
    from {{ ref('int_clock_periods') }}
    where period = 'month'
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
        coalesce(clock_months.is_complete, false) as is_complete
    from spend
    full join acquired using (segment, segment_value, clock, period_start, channel)
    left join channel_revenue using (segment, segment_value, period_start, channel)
    -- an app with spend alone has no clock
    left join clock_months using (clock, period_start)
)

select * from channel_economics
