{{ config(meta={'card': {
    'title': 'Marketing spend',
    'definition':
        'Money spent on channels in the month, over all channels and for each, in cents of the reporting currency.',
    'unit': 'cents',
    'good': 'neutral',
    'owner': 'Marketing',
}}) }}

with

channel_economics as (select * from {{ ref('fct_channel_economics') }}),

spend as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        cast(sum(spend_cents) as double) as metric_value,
        bool_and(is_complete) as is_complete
    from channel_economics
    group by segment, segment_value, period_start
    union all
    select
        'month' as period,
        period_start,
        'channel' as segment,
        channel as segment_value,
        cast(spend_cents as double) as metric_value,
        is_complete
    from channel_economics
    where segment = 'all'
)

select * from spend
