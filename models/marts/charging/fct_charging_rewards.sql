with

charging_steps as (
    select * from {{ ref('int_charging_steps') }}
    where step = 'credit'
),

charging_sessions as (select * from {{ ref('fct_charging_sessions') }}),

clocks as (select * from {{ ref('int_data_clocks') }}),

-- a credit that names nobody is that of the session's person
credits as (
    select
        charging_steps.app,
        coalesce(charging_steps.person_id, charging_sessions.person_id) as person_id,
        cast(date_trunc('month', {{ local_date('charging_steps.occurred_at') }}) as date) as period_start,
        charging_steps.reward_cents,
        charging_steps.fault,
        charging_sessions.is_credited
    from charging_steps
    inner join charging_sessions
        on charging_steps.charging_session_key = charging_sessions.charging_session_key
),

person_months as (
    select
        app,
        person_id,
        period_start,
        count(*) as credits,
        count(case when not is_credited then 1 end) as credits_without_completed_session,
        count(fault) as faulty_credits,
        cast(sum(reward_cents) as bigint) as reward_cents
    from credits
    group by app, person_id, period_start
),

charging_rewards as (
    select
        person_months.app,
        person_months.person_id,
        person_months.period_start,
        person_months.credits,
        person_months.credits_without_completed_session,
        person_months.faulty_credits,
        person_months.reward_cents,
        cast(
            sum(person_months.reward_cents) over (
                partition by person_months.app, person_months.person_id order by person_months.period_start
            ) as bigint
        ) as total_reward_cents,
        person_months.period_start + interval 1 month <= clocks.known_until as is_complete
    from person_months
    inner join clocks
        on person_months.app = clocks.app
)

select * from charging_rewards
