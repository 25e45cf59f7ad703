{{ config(meta={'card': {
    'title': 'Charging credit rate',
    'definition':
        'Charging sessions of the period that were stopped and credited / those stopped; null without any. A session credited '
        'twice counts once, one credited without a stop not at all.',
    'unit': 'share',
    'good': 'neutral',
    'owner': 'Energy',
}}) }}

with

charging_credit_rate as (
    select
        period,
        period_start,
        segment,
        segment_value,
        credit_rate as metric_value,
        is_complete
    from {{ ref('fct_charging_funnel') }}
)

select * from charging_credit_rate
