{{ config(meta={'card': {
    'title': 'Reactions per view',
    'definition': 'Likes, comments, shares, bookmarks and ratings for each view of an item of content; null without views.',
    'unit': 'reactions',
    'good': 'up',
    'owner': 'Content',
}}) }}

with

content_reactions_per_view as (
    select
        period,
        period_start,
        segment,
        segment_value,
        reactions_per_view as metric_value,
        is_complete
    from {{ ref('fct_content_overview') }}
)

select * from content_reactions_per_view
