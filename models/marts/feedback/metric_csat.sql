{{ config(meta={'card': {
    'title': 'Customer satisfaction',
    'definition':
        'Share of 4 and 5 among the answers of the month from 1 to 5, one (the last) per person and wave; null without answers.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

csat as (
    select
        period,
        period_start,
        segment,
        segment_value,
        csat as metric_value,
        is_complete
    from {{ ref('fct_csat') }}
    where period = 'month'
)

select * from csat
