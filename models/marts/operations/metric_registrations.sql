{{ config(meta={'card': {
    'title': 'New registrations',
    'definition': 'Persons whose first registration falls into the period.',
    'unit': 'persons',
    'good': 'up',
    'owner': 'Growth',
}}) }}

with

registrations as (
    select
        period,
        period_start,
        segment,
        segment_value,
        cast(new_registrations as double) as metric_value,
        is_complete
    from {{ ref('fct_daily_operations') }}
)

select * from registrations
