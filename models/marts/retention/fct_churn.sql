with

growth as (
    select * from {{ ref('fct_growth_accounting') }}
    where period in ('week', 'month')
),

activity_churn as (
    select
        'activity' as kind,
        period,
        period_start,
        segment,
        segment_value,
        coalesce(
            lag(active_persons) over (partition by period, segment, segment_value order by period_start), 0
        ) as opening_persons,
        dormant_persons as lost_persons,
        is_complete
    from growth
),

subscription_churn as (
    select
        'subscription' as kind,
        'month' as period,
        period_start,
        segment,
        segment_value,
        opening_customers as opening_persons,
        churned_customers as lost_persons,
        is_complete
    from {{ ref('fct_mrr_movements') }}
),

openings_and_losses as (
    select * from activity_churn
    union all
    select * from subscription_churn
),

churn as (
    select
        kind,
        period,
        period_start,
        segment,
        segment_value,
        opening_persons,
        lost_persons,
        lost_persons / nullif(opening_persons, 0) as churn_rate,
        opening_persons / nullif(lost_persons, 0) as expected_lifetime_periods,
        is_complete
    from openings_and_losses
)

select * from churn
