{{ config(meta={'card': {
    'title': 'Content readers',
    'definition': 'Distinct persons who viewed an item of content in the period.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Content',
}}) }}

with

content_readers as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(unique_readers as double) as metric_value,
        is_complete
    from {{ ref('fct_content_overview') }}
)

select * from content_readers
