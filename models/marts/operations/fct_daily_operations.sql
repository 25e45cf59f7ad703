with

operation_days as (select * from {{ ref('int_operation_days') }}),

money_events as (select * from {{ ref('int_money_events') }}),

subscription_stretches as (select * from {{ ref('int_subscription_stretches') }}),

payments as (select * from {{ ref('fct_payments') }}),

revenue_overview as (select * from {{ ref('fct_revenue_overview') }}),

growth_accounting as (select * from {{ ref('fct_growth_accounting') }}),

channel_economics as (select * from {{ ref('fct_channel_economics') }}),

identities as (select * from {{ ref('int_identities') }}),

data_clocks as (select * from {{ ref('int_data_clocks') }}),

-- as the movements of MRR have them: each once, and from when it was true
begun_subscriptions as (
    select
        subscription_stretches.app,
        {{ local_date('subscription_stretches.from_at') }} as day
    from subscription_stretches
    inner join data_clocks
        on subscription_stretches.app = data_clocks.app and {{ local_date('subscription_stretches.from_at') }} <= data_clocks.last_date
    where subscription_stretches.is_beginning
),

-- what is told of the time before an app's first event makes its calendar begin earlier
clocks as (
    select
        data_clocks.* replace (
            least(data_clocks.first_date, (
                select min(begun_subscriptions.day)
                from begun_subscriptions
                where data_clocks.app is null or begun_subscriptions.app = data_clocks.app
            )) as first_date
        )
    from data_clocks
),

calendar as (
    {{ calendar_of('clocks') }}
),

app_operations as (
    select
        app,
        operation_date as day,
        operation,
        sum(events) as events
    from operation_days
    group by app, operation_date, operation
    union all
    select
        app,
        {{ local_date('occurred_at') }} as day,
        money_event as operation,
        count(*) as events
    from money_events
    where money_event in ('subscription_cancelled', 'subscription_upgraded', 'subscription_downgraded')
    group by app, {{ local_date('occurred_at') }}, money_event
    union all
    select
        app,
        day,
        'subscription_created' as operation,
        count(*) as events
    from begun_subscriptions
    group by app, day
),

segment_operations as (
    select
        unnest({{ standard_segments({'app': 'app'}) }}, recursive := true),
        day,
        operation,
        events
    from app_operations
),

operations as (
    {{ in_every_period('segment_operations', ['segment', 'segment_value', 'operation', 'events']) | indent(4) }}
),

counts as (
    select
        segment,
        segment_value,
        period,
        period_start,
        sum(case when operation = 'generation_completed' then events end) as generations_completed,
        sum(case when operation = 'generation_failed' then events end) as generations_failed,
        sum(case when operation = 'subscription_created' then events end) as new_subscriptions,
        sum(case when operation = 'subscription_cancelled' then events end) as cancelled_subscriptions,
        sum(case when operation = 'subscription_upgraded' then events end) as upgrades,
        sum(case when operation = 'subscription_downgraded' then events end) as downgrades,
        sum(case when operation = 'referral_sent' then events end) as referrals_sent,
        sum(case when operation = 'referral_accepted' then events end) as referrals_accepted,
        sum(case when operation = 'referral_milestone' then events end) as referral_milestones,
        sum(case when operation = 'referral_withdrawal' then events end) as referral_withdrawals
    from operations
    group by segment, segment_value, period, period_start
),

-- a person registers once in each app, and once in all of them
person_registrations as (
    select
        identities.person_id,
        operation_days.app,
        min(operation_days.first_at) as registered_at
    from operation_days
    inner join identities
        on operation_days.identity_key = identities.identity_key
    where operation_days.operation = 'user_registered'
    group by identities.person_id, operation_days.app
),

segment_registrations as (
    select
        segment,
        segment_value,
        person_id,
        min(registered_at) as registered_at
    from (select unnest({{ standard_segments({'app': 'app'}) }}, recursive := true), * from person_registrations)
    group by segment, segment_value, person_id
),

paid_registrations as (
    select distinct
        segment_registrations.segment,
        segment_registrations.segment_value,
        segment_registrations.person_id
    from segment_registrations
    inner join payments
        on
            segment_registrations.person_id = payments.person_id
            and payments.revenue_cents > 0
            and (segment_registrations.segment = 'all' or segment_registrations.segment_value = payments.app)
            and payments.occurred_at >= segment_registrations.registered_at
            and {{ local_timestamp('payments.occurred_at') }}
            < {{ local_timestamp('segment_registrations.registered_at') }} + to_days({{ setting('signup_payment_days') }})
),

registration_days as (
    select
        segment_registrations.segment,
        segment_registrations.segment_value,
        {{ local_date('segment_registrations.registered_at') }} as day,
        count(*) as new_registrations,
        count(paid_registrations.person_id) as paid_registrations
    from segment_registrations
    left join paid_registrations
        on
            segment_registrations.segment = paid_registrations.segment
            and segment_registrations.segment_value = paid_registrations.segment_value
            and segment_registrations.person_id = paid_registrations.person_id
    group by segment_registrations.segment, segment_registrations.segment_value, {{ local_date('segment_registrations.registered_at') }}
),

registrations as (
    select
        segment,
        segment_value,
        period,
        period_start,
        sum(new_registrations) as new_registrations,
        sum(paid_registrations) as paid_registrations
    from ({{ in_every_period('registration_days', ['segment', 'segment_value', 'new_registrations', 'paid_registrations']) }})
    group by segment, segment_value, period, period_start
),

acquisition as (
    select
        segment,
        segment_value,
        period_start,
        case when sum(acquired_customers) > 0 then cast(sum(revenue_cents) * {{ setting('gross_margin') }} as double) end
        / nullif(sum(spend_cents), 0) as ltv_to_cac
    from channel_economics
    group by segment, segment_value, period_start
),

-- from an app's first event to its last, so that a silent period is a zero and not a hole
segment_periods as (
    select
        case when clocks.app is null then 'all' else 'app' end as segment,
        coalesce(clocks.app, 'all') as segment_value,
        calendar.period,
        calendar.period_start,
        calendar.next_period_start <= clocks.known_until as is_complete,
        calendar.next_period_start + to_days({{ setting('signup_payment_days') }}) <= clocks.known_until as is_conversion_complete
    from clocks
    inner join calendar
        on calendar.next_period_start > clocks.first_date and calendar.period_start <= clocks.last_date
),

daily_operations as (
    select
        segment_periods.period,
        segment_periods.period_start,
        segment_periods.segment,
        segment_periods.segment_value,
        coalesce(growth_accounting.active_persons, 0) as active_persons,
        coalesce(growth_accounting.new_persons, 0) as new_persons,
        growth_accounting.churn_rate,
        cast(coalesce(registrations.new_registrations, 0) as bigint) as new_registrations,
        cast(coalesce(registrations.paid_registrations, 0) as bigint) as paid_registrations,
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
        case when segment_periods.period = 'month' then acquisition.ltv_to_cac end as ltv_to_cac,
        segment_periods.is_conversion_complete,
        segment_periods.is_complete
    from segment_periods
    left join growth_accounting
        on
            segment_periods.segment = growth_accounting.segment
            and segment_periods.segment_value = growth_accounting.segment_value
            and segment_periods.period = growth_accounting.period
            and segment_periods.period_start = growth_accounting.period_start
    left join counts
        on
            segment_periods.segment = counts.segment
            and segment_periods.segment_value = counts.segment_value
            and segment_periods.period = counts.period
            and segment_periods.period_start = counts.period_start
    left join registrations
        on
            segment_periods.segment = registrations.segment
            and segment_periods.segment_value = registrations.segment_value
            and segment_periods.period = registrations.period
            and segment_periods.period_start = registrations.period_start
    left join acquisition
        on
            segment_periods.segment = acquisition.segment
            and segment_periods.segment_value = acquisition.segment_value
            and segment_periods.period_start = acquisition.period_start
    left join revenue_overview
        on
            segment_periods.segment = revenue_overview.segment
            and segment_periods.segment_value = revenue_overview.segment_value
            and segment_periods.period = revenue_overview.period
            and segment_periods.period_start = revenue_overview.period_start
)

select * from daily_operations
