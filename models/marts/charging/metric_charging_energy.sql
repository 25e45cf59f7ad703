{{ config(meta={'card': {
    'title': 'Charging energy',
    'definition': 'Kilowatt-hours of the charging sessions of the period, at their start.',
    'unit': 'kWh',
    'good': 'up',
    'owner': 'Energy',
}}) }}

with

charging_energy as (
    select
        period,
        period_start,
        segment,
        segment_value,
        energy_kwh as metric_value,
        is_complete
    from {{ ref('fct_charging_funnel') }}
)

select * from charging_energy
