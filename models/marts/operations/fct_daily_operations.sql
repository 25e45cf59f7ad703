with

counts as (
    select
        segment,
        segment_value,
        period,
        period_start,
        sum(events) filter (where operation = 'generation_completed') as generations_completed,
        sum(events) filter (where operation = 'generation_failed') as generations_failed,
        sum(events) filter (where operation = 'subscription_created') as new_subscriptions,
        sum(events) filter (where operation = 'subscription_cancelled') as cancelled_subscriptions,
        sum(events) filter (where operation = 'subscription_upgraded') as upgrades,
        sum(events) filter (where operation = 'subscription_downgraded') as downgrades,
        sum(events) filter (where operation = 'referral_sent') as referrals_sent,
        sum(events) filter (where operation = 'referral_accepted') as referrals_accepted,
        sum(events) filter (where operation = 'referral_milestone') as referral_milestones,
        sum(events) filter (where operation = 'referral_withdrawal') as referral_withdrawals
    from {{ ref('int_segment_operations') }}
    inner join {{ ref('int_period_days') }} using (day)
    group by all
),

registrations as (
    select
        registrations.segment,
        registrations.segment_value,
        days.period,
        days.period_start,
        count(*) as new_registrations,
        count(*) filter (where registrations.has_paid) as paid_registrations
    from {{ ref('int_registrations') }} as registrations
    inner join {{ ref('int_period_days') }} as days
        on registrations.registered_date = days.day
    group by all
),

acquisition as (
    select
        segment,
        segment_value,
        'month' as period,
        period_start,
        case when sum(acquired_customers) > 0 then cast(sum(revenue_cents) * {{ setting('gross_margin') }} as double) end
        / nullif(sum(spend_cents), 0) as ltv_to_cac
    from {{ ref('fct_channel_economics') }}
    group by all
),

-- what is told of the time before an app's first event makes its periods begin earlier
told_clocks as (
    select
        clock,
        min(day) as first_told_day
    from {{ ref('int_segment_operations') }}
    group by clock
),

-- from then to its last event, so that a silent period is a zero and not a hole
segment_periods as (
    select
        case when clock = '' then 'all' else 'app' end as segment,
        case when clock = '' then 'all' else clock end as segment_value,
        periods.period,
        periods.period_start,
        periods.period_end + to_days({{ setting('signup_payment_days') }}) <= periods.known_until as is_conversion_complete,
        periods.is_complete
    from {{ ref('int_clock_periods') }} as periods
    left join told_clocks using (clock)
    where periods.period_end > least(periods.first_date, told_clocks.first_told_day)
),

daily_operations as (
    select
        period,
        period_start,
        segment,
        segment_value,
        coalesce(growth_accounting.active_persons, 0) as active_persons,
        coalesce(growth_accounting.new_persons, 0) as new_persons,
        growth_accounting.churn_rate,
        coalesce(registrations.new_registrations, 0) as new_registrations,
        coalesce(registrations.paid_registrations, 0) as paid_registrations,
        registrations.paid_registrations / registrations.new_registrations as signup_to_payment_rate,
        cast(coalesce(counts.generations_completed, 0) as bigint) as generations_completed,
        cast(coalesce(counts.generations_failed, 0) as bigint) as generations_failed,
        coalesce(revenue_overview.revenue_cents, 0) as revenue_cents,
        coalesce(revenue_overview.successful_payments, 0) as successful_payments,
        coalesce(revenue_overview.failed_payments, 0) as failed_payments,
        cast(coalesce(counts.new_subscriptions, 0) as bigint) as new_subscriptions,
        cast(coalesce(counts.cancelled_subscriptions, 0) as bigint) as cancelled_subscriptions,
        cast(coalesce(counts.upgrades, 0) as bigint) as upgrades,
        cast(coalesce(counts.downgrades, 0) as bigint) as downgrades,
        cast(coalesce(counts.referrals_sent, 0) as bigint) as referrals_sent,
        cast(coalesce(counts.referrals_accepted, 0) as bigint) as referrals_accepted,
        cast(coalesce(counts.referral_milestones, 0) as bigint) as referral_milestones,
        cast(coalesce(counts.referral_withdrawals, 0) as bigint) as referral_withdrawals,
        acquisition.ltv_to_cac,
        segment_periods.is_conversion_complete,
        segment_periods.is_complete
    from segment_periods
    left join counts using (segment, segment_value, period, period_start)
    left join registrations using (segment, segment_value, period, period_start)
    left join acquisition using (segment, segment_value, period, period_start)
    left join {{ ref('fct_growth_accounting') }} as growth_accounting using (segment, segment_value, period, period_start)
    left join {{ ref('fct_revenue_overview') }} as revenue_overview using (segment, segment_value, period, period_start)
)

select * from daily_operations
