{{ config(meta={'card': {
    'title': 'Time to convert',
    'definition':
        'Median time from being first seen, or from the event that seeds/conversions.csv names, to the first conversion '
        'in the period; null without one.',
    'unit': 'seconds',
    'good': 'down',
    'owner': 'Marketing',
}}) }}

with

time_to_convert as (
    select
        period,
        period_start,
        'conversion' as segment,
        conversion as segment_value,
        median_seconds_to_convert as metric_value,
        is_complete
    from {{ ref('fct_conversions') }}
)

select * from time_to_convert
