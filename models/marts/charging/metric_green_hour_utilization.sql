{{ config(meta={'card': {
    'title': 'Green-hour utilization',
    'definition': 'Charging sessions of the period that overlap an incentive window / those started in it; null without any.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Energy',
}}) }}

with

green_hour_utilization_by_period as (
    select
        period,
        period_start,
        segment,
        segment_value,
        green_hour_utilization as metric_value,
        is_complete
    from {{ ref('fct_green_hour_utilization') }}
    where incentive_window = 'any'
)

select * from green_hour_utilization_by_period
