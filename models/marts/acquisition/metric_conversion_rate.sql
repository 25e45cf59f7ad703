{{ config(meta={'card': {
    'title': 'Conversion rate',
    'definition':
        'Persons (or the unit that the seed names) with the conversion in the period / those active in it, for each '
        'conversion of seeds/conversions.csv; null where nobody was active.',
    'unit': 'ratio',
    'good': 'up',
    'owner': 'Marketing',
}}) }}

with

conversion_rate as (
    select
        period,
        period_start,
        'conversion' as segment,
        conversion as segment_value,
        conversion_rate as metric_value,
        is_complete
    from {{ ref('fct_conversions') }}
)

select * from conversion_rate
