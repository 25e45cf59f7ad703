{{ config(meta={'card': {
    'title': 'Session length',
    'definition':
        'Mean time from the first event of a session to its last, of the sessions that start in the period; null '
        'without one.',
    'unit': 'seconds',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

session_length as (
    select
        period,
        period_start,
        segment,
        segment_value,
        avg_session_seconds as metric_value,
        is_complete
    from {{ ref('fct_web_overview') }}
)

select * from session_length
