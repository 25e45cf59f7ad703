{{ config(meta={'card': {
    'title': 'Net promoter score',
    'definition':
        'Promoters (9 to 10) less detractors (0 to 6) in percent of the answers of the month, one (the last) per person and wave; null without answers.',
    'unit': 'points',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

nps as (
    select
        period,
        period_start,
        segment,
        segment_value,
        nps as metric_value,
        is_complete
    from {{ ref('fct_nps') }}
    where period = 'month'
)

select * from nps
