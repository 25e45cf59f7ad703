with

losses as (
    select
        'activity' as kind,
        period,
        period_start,
        segment,
        segment_value,
        coalesce(lag(active_persons) over (partition by period, segment, segment_value order by period_start), 0) as opening_persons,
        dormant_persons as lost_persons,
        is_complete
    from {{ ref('fct_growth_accounting') }}
    where period in ('week', 'month')
    union all by name
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

churn as (
    select
        * exclude (is_complete),
        lost_persons / nullif(opening_persons, 0) as churn_rate,
        opening_persons / nullif(lost_persons, 0) as expected_lifetime_periods,
        is_complete
    from losses
)

select * from churn
