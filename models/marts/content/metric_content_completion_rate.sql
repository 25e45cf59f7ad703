{{ config(meta={'card': {
    'title': 'Content completion rate',
    'definition':
        'Of those who started an item in the period, the share who finished its last part in it; a person counts once '
        'for each item; null without any.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Content',
}}) }}

with

content_completion_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        completion_rate as metric_value,
        is_complete
    from {{ ref('fct_content_overview') }}
)

select * from content_completion_rate
