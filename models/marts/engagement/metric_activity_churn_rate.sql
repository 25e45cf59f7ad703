{{ config(meta={'card': {
    'title': 'Activity churn rate',
    'definition': 'Dormant persons / persons active in the period right before; null where there were none.',
    'unit': 'share',
    'good': 'down',
    'owner': 'Growth',
}}) }}

with

activity_churn_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        churn_rate as metric_value,
        is_complete
    from {{ ref('fct_growth_accounting') }}
)

select * from activity_churn_rate
