-- A failing row is a sum of rewards, by person or by session, that is not what was credited.
with

charging_credits as (select * from {{ ref('int_charging_credits') }}),

charging_rewards as (select * from {{ ref('fct_charging_rewards') }}),

charging_sessions as (select * from {{ ref('fct_charging_sessions') }}),

credited as (
    select coalesce(sum(reward_cents), 0) as credited_cents
    from charging_credits
),

reported as (
    select
        'persons' as counted_by,
        coalesce(sum(reward_cents), 0) as reported_cents
    from charging_rewards
    union all
    select
        'sessions' as counted_by,
        coalesce(sum(reward_cents), 0) as reported_cents
    from charging_sessions
)

select *

from reported

cross join credited

where reported.reported_cents != credited.credited_cents
