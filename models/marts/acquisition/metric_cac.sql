{{ config(meta={'card': {
    'title': 'Customer acquisition cost (CAC)',
    'definition':
        'Spend of the month / customers acquired in it (first payment of more than nothing), over all channels and for each '
        'channel that the setting acquisition_model credits; null without a customer.',
    'unit': 'cents a person',
    'good': 'down',
    'owner': 'Marketing',
}}) }}

with

channel_economics as (select * from {{ ref('fct_channel_economics') }}),

cac as (
    select
        'month' as period,
        period_start,
        segment,
        segment_value,
        sum(spend_cents) / cast(nullif(sum(acquired_customers), 0) as double) as metric_value,
        bool_and(is_complete) as is_complete
    from channel_economics
    group by segment, segment_value, period_start
    union all
    select
        'month' as period,
        period_start,
        'channel' as segment,
        channel as segment_value,
        cac_cents as metric_value,
        is_complete
    from channel_economics
    where segment = 'all'
)

select * from cac
