{{ config(meta={'card': {
    'title': 'Customer effort score',
    'definition':
        'Mean of the answers of the month from 1 to 7, where 7 is the least effort, one (the last) per person and wave; null without answers.',
    'unit': 'points from 1 to 7',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

ces as (
    select
        period,
        period_start,
        segment,
        segment_value,
        ces as metric_value,
        is_complete
    from {{ ref('fct_ces') }}
    where period = 'month'
)

select * from ces
