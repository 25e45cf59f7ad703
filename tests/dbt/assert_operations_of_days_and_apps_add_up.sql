-- A failing row is an operating number that, added up over the days, weeks or months of all apps or of each, is not what happened in all.
with

daily_operations as (select * from {{ ref('fct_daily_operations') }}),

operation_days as (select * from {{ ref('int_operation_days') }}),

money_events as (select * from {{ ref('int_money_events') }}),

happened as (
    select
        unnest(['all', 'app']) as segment,
        operation,
        sum(events) as happened
    from operation_days
    where operation != 'user_registered'
    group by operation
    union all
    select
        unnest(['all', 'app']) as segment,
        money_event as operation,
        count(*) as happened
    from money_events
    where money_event in ('subscription_cancelled', 'subscription_upgraded', 'subscription_downgraded')
    group by money_event
    union all
    -- what takes effect after the last event of its app has happened in all, if not after the last of all
    select
        case when clocks.app is null then 'all' else 'app' end as segment,
        'subscription_created' as operation,
        count(*) as happened
    from {{ ref('int_subscription_stretches') }} as stretches
    inner join {{ ref('int_data_clocks') }} as clocks
        on (clocks.app is null or clocks.app = stretches.app) and {{ local_date('stretches.from_at') }} <= clocks.last_date
    where stretches.is_beginning
    group by segment
),

period_totals as (
    select
        period,
        segment,
        sum(generations_completed) as generation_completed,
        sum(generations_failed) as generation_failed,
        sum(new_subscriptions) as subscription_created,
        sum(cancelled_subscriptions) as subscription_cancelled,
        sum(upgrades) as subscription_upgraded,
        sum(downgrades) as subscription_downgraded,
        sum(referrals_sent) as referral_sent,
        sum(referrals_accepted) as referral_accepted,
        sum(referral_milestones) as referral_milestone,
        sum(referral_withdrawals) as referral_withdrawal
    from daily_operations
    group by period, segment
),

counted as (
    unpivot period_totals on columns(* exclude (period, segment)) into name operation value counted
)

select
    counted.*,
    happened.happened

from counted

left join happened using (segment, operation)

where counted.counted != coalesce(happened.happened, 0)
