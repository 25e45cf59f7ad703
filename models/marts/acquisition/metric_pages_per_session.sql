{{ config(meta={'card': {
    'title': 'Pages per session',
    'definition': 'Page views in the period / sessions that start in it; null without a session.',
    'unit': 'views a session',
    'good': 'up',
    'owner': 'Marketing',
}}) }}

with

pages_per_session as (
    select
        period,
        period_start,
        segment,
        segment_value,
        views / nullif(sessions, 0) as metric_value,
        is_complete
    from {{ ref('fct_web_overview') }}
)

select * from pages_per_session
