{{ config(meta={'card': {
    'title': 'Stickiness',
    'definition': 'DAU / MAU of the day; null where nobody was active in the window of MAU.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

stickiness as (
    select
        'day' as period,
        activity_date as period_start,
        segment,
        segment_value,
        stickiness as metric_value,
        is_complete
    from {{ ref('fct_active_persons') }}
)

select * from stickiness
