{{ config(meta={'card': {
    'title': 'Bounce rate',
    'definition':
        'Share of the sessions that start in the period with one page view, no other interaction and less than 10 '
        'seconds (setting bounce_max_seconds); null without a session.',
    'unit': 'share',
    'good': 'down',
    'owner': 'Marketing',
}}) }}

with

bounce_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        bounce_rate as metric_value,
        is_complete
    from {{ ref('fct_web_overview') }}
)

select * from bounce_rate
