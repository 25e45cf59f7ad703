{{ config(meta={'card': {
    'title': 'Visitors',
    'definition': 'Distinct persons with activity in the period, over all sessions and devices.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Marketing',
}}) }}

with

visitors as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(visitors as double) as metric_value,
        is_complete
    from {{ ref('fct_web_overview') }}
)

select * from visitors
