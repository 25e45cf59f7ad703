with

-- a credit that names nobody is that of the session's person
credits as (
    select
        steps.app,
        coalesce(steps.person_id, sessions.person_id) as person_id,
        {{ local_date('steps.occurred_at') }} as day,
        steps.reward_cents,
        steps.fault,
        sessions.is_credited
    from {{ ref('int_charging_steps') }} as steps
    inner join {{ ref('fct_charging_sessions') }} as sessions using (charging_session_key)
    where steps.step = 'credit'
),

person_months as (
    select
        app,
        person_id,
        period_start,
        count(*) as credits,
        count(case when not is_credited then 1 end) as credits_without_completed_session,
        count(fault) as faulty_credits,
        cast(sum(credits.reward_cents) as bigint) as reward_cents
    from credits
    inner join {{ ref('int_period_days') }} using (day)
    where period = 'month'
    group by all
),

charging_rewards as (
    select
        person_months.*,
        cast(
            sum(person_months.reward_cents) over (
                partition by person_months.app, person_months.person_id order by person_months.period_start
            ) as bigint
        ) as total_reward_cents,
        periods.is_complete
    from person_months
    inner join {{ ref('int_clock_periods') }} as periods
        on person_months.app = periods.clock and person_months.period_start = periods.period_start and periods.period = 'month'
)

select * from charging_rewards
