{{ config(meta={'card': {
    'title': 'Historic lifetime value after 3 months (LTV)',
    'definition':
        'Revenue of the first three calendar months, the first one included, of those who paid first in the month / '
        'their number.',
    'unit': 'cents a person',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

ltv_3m as (
    select
        'month' as period,
        cohort_start as period_start,
        segment,
        segment_value,
        ltv_cents as metric_value,
        is_complete
    from {{ ref('fct_cohort_revenue') }}
    where period = 2
)

select * from ltv_3m
