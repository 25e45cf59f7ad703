{{ config(meta={'card': {
    'title': 'Funnel conversion',
    'definition':
        'Units (or attempts) that reach the last step within the window / those that enter in the period, for each '
        'funnel of seeds/funnels.csv with a trend; null where nobody enters.',
    'unit': 'share',
    'good': 'up',
    'owner': 'Product',
}}) }}

with

funnel_conversion as (
    select
        period,
        period_start,
        'funnel' as segment,
        funnel as segment_value,
        arg_max(conversion_rate, step) as metric_value,
        bool_and(is_complete) as is_complete
    from {{ ref('fct_funnel_steps') }}
    where period != 'total'
    group by funnel, period, period_start
)

select * from funnel_conversion
