{{ config(meta={'card': {
    'title': 'New followers',
    'definition': 'How often somebody who did not follow a creator began to.',
    'unit': 'followers',
    'good': 'up',
    'owner': 'Content',
}}) }}

with

new_followers as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(gained_followers as double) as metric_value,
        is_complete
    from {{ ref('fct_content_overview') }}
)

select * from new_followers
