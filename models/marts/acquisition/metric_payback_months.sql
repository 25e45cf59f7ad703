{{ config(meta={'card': {
    'title': 'Payback',
    'definition':
        'Age in months at which the revenue x gross_margin of the customers whom a channel acquired in the month first reached '
        'its spend of the month; null while it has not, and without spend.',
    'unit': 'months',
    'good': 'down',
    'owner': 'Marketing',
}}) }}

with

payback_months as (
    select
        'month' as period,
        period_start,
        'channel' as segment,
        channel as segment_value,
        cast(payback_months as double) as metric_value,
        is_complete
    from {{ ref('fct_channel_economics') }}
    where segment = 'all'
)

select * from payback_months
