-- A failing row is a series of a metric that has not one row for each period between its first and its last, or one that is no period of
-- dim_periods, or a value that cannot be: no number, a share outside 0 to 1, a count or a time below 0.
{%- set metrics = [
    'metric_active_persons',
    'metric_activity_churn_rate',
    'metric_arppu',
    'metric_arpu',
    'metric_at_risk_persons',
    'metric_average_order_value',
    'metric_bounce_rate',
    'metric_cac',
    'metric_cancelled_subscriptions',
    'metric_ces',
    'metric_charging_completion_rate',
    'metric_charging_credit_rate',
    'metric_charging_energy',
    'metric_charging_mean_reward',
    'metric_charging_sessions',
    'metric_churned_mrr',
    'metric_churned_persons',
    'metric_content_completion_rate',
    'metric_content_reactions_per_view',
    'metric_content_readers',
    'metric_content_revenue',
    'metric_content_views',
    'metric_contraction_mrr',
    'metric_conversion_rate',
    'metric_csat',
    'metric_dau',
    'metric_dormant_persons',
    'metric_expansion_mrr',
    'metric_experiment_new_units',
    'metric_experiment_sample',
    'metric_funnel_conversion',
    'metric_generation_failure_rate',
    'metric_generations_completed',
    'metric_green_hour_utilization',
    'metric_gross_revenue_retention',
    'metric_logo_churn_rate',
    'metric_ltv_12m',
    'metric_ltv_3m',
    'metric_ltv_to_cac',
    'metric_mau',
    'metric_misassignment_rate',
    'metric_mrr',
    'metric_mrr_per_subscriber',
    'metric_net_new_mrr',
    'metric_net_revenue_retention',
    'metric_new_customers',
    'metric_new_followers',
    'metric_new_mrr',
    'metric_new_persons',
    'metric_new_subscriptions',
    'metric_nps',
    'metric_orders',
    'metric_page_views',
    'metric_pages_per_session',
    'metric_payback_months',
    'metric_paying_customers',
    'metric_payment_success_rate',
    'metric_power_persons',
    'metric_quick_ratio',
    'metric_referral_acceptance_rate',
    'metric_referrals_sent',
    'metric_refund_rate',
    'metric_refunds',
    'metric_registrations',
    'metric_repeat_purchase_rate',
    'metric_resurrected_persons',
    'metric_retention_d1',
    'metric_retention_d30',
    'metric_retention_d7',
    'metric_retention_m1',
    'metric_retention_w1',
    'metric_return_rate',
    'metric_returning_persons',
    'metric_revenue',
    'metric_session_length',
    'metric_sessions',
    'metric_sessions_per_visitor',
    'metric_several_variants_rate',
    'metric_signup_to_payment_rate',
    'metric_spend',
    'metric_station_utilization',
    'metric_stickiness',
    'metric_subscribers',
    'metric_survey_response_rate',
    'metric_time_to_convert',
    'metric_trial_conversion_rate',
    'metric_visitors',
    'metric_wau',
] -%}
{#- a cohort of nobody has no row -#}
{%- set of_cohorts = [
    'metric_cac',
    'metric_ltv_to_cac',
    'metric_payback_months',
    'metric_spend',
    'metric_ltv_12m',
    'metric_ltv_3m',
    'metric_retention_d1',
    'metric_retention_d30',
    'metric_retention_d7',
    'metric_retention_m1',
    'metric_retention_w1',
] %}

with

rows_of_metrics as (
    {% for name in metrics -%}
    {%- set unit = graph.nodes['model.' ~ project_name ~ '.' ~ name].config.meta.card.unit if execute -%}
    select
        '{{ name }}' as metric,
        '{{ unit }}' as unit,
        {{ name in of_cohorts }} as may_have_holes,
        *
    from {{ ref(name) }}
    {{ 'union all by name' if not loop.last }}
    {% endfor %}
),

series as (
    select
        metric,
        unit,
        may_have_holes,
        period,
        segment,
        segment_value,
        count(*) as periods,
        count(distinct period_start) as distinct_periods,
        count(*) filter (where is_complete is null) as unknown_periods,
        -- money may be spent after the last event, with which the calendar ends
        count(*) filter (
            where period_number is null and (not may_have_holes or period_start < (select max(period_end) from {{ ref('dim_periods') }}))
        ) as misplaced_periods,
        max(period_number) - min(period_number) + 1 as periods_between,
        min(metric_value) as lowest_value,
        max(metric_value) as highest_value
    from rows_of_metrics
    left join {{ ref('dim_periods') }} using (period, period_start)
    group by all
)

select *

from series

where
    periods != distinct_periods
    or unknown_periods + misplaced_periods > 0
    or segment is null
    or segment_value is null
    or not may_have_holes
    and periods != periods_between
    or isnan(highest_value)
    or isinf(highest_value)
    or lowest_value < 0
    and unit not like 'cents%'
    and unit not in ('ratio', 'points')
    or unit = 'share'
    and highest_value > 1
