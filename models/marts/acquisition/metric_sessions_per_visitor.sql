{{ config(meta={'card': {
    'title': 'Sessions per visitor',
    'definition': 'Sessions that start in the period / visitors of the period; null without a visitor.',
    'unit': 'sessions a person',
    'good': 'up',
    'owner': 'Marketing',
}}) }}

with

sessions_per_visitor as (
    select
        period,
        period_start,
        segment,
        segment_value,
        sessions / nullif(visitors, 0) as metric_value,
        is_complete
    from {{ ref('fct_web_overview') }}
)

select * from sessions_per_visitor
