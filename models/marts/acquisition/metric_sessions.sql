{{ config(meta={'card': {
    'title': 'Sessions',
    'definition': 'Sessions that start in the period.',
    'unit': 'sessions',
    'good': 'up',
    'owner': 'Marketing',
}}) }}

with

sessions as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(sessions as double) as metric_value,
        is_complete
    from {{ ref('fct_web_overview') }}
)

select * from sessions
