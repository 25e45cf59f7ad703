{{ config(meta={'card': {
    'title': 'LTV/CAC',
    'definition':
        'Revenue so far of the customers acquired in the month x gross_margin / spend of the month, over all channels and for '
        'each; null without customers or without spend. The month is complete when it brings no more customers; their revenue goes on.',
    'unit': 'ratio',
    'good': 'up',
    'owner': 'Marketing',
}}) }}

with

daily_operations as (select * from {{ ref('fct_daily_operations') }}),

channel_economics as (select * from {{ ref('fct_channel_economics') }}),

ltv_to_cac as (
    select
        period,
        period_start,
        segment,
        segment_value,
        ltv_to_cac as metric_value,
        is_complete
    from daily_operations
    where period = 'month'
    union all
    select
        'month' as period,
        period_start,
        'channel' as segment,
        channel as segment_value,
        ltv_to_cac as metric_value,
        is_complete
    from channel_economics
    where segment = 'all'
)

select * from ltv_to_cac
