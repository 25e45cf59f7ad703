{{ config(meta={'card': {
    'title': 'Average revenue per user (ARPU)',
    'definition': 'Revenue / active persons of the period; null where nobody was active.',
    'unit': 'cents a person',
    'good': 'up',
    'owner': 'Finance',
}}) }}

with

revenue_overview as (select * from {{ ref('fct_revenue_overview') }}),

growth_accounting as (select * from {{ ref('fct_growth_accounting') }}),

arpu as (
    select
        revenue_overview.period,
        revenue_overview.period_start,
        revenue_overview.segment,
        revenue_overview.segment_value,
        revenue_overview.revenue_cents / nullif(growth_accounting.active_persons, 0) as metric_value,
        revenue_overview.is_complete
    from revenue_overview
    left join growth_accounting
        on
            revenue_overview.segment = growth_accounting.segment
            and revenue_overview.segment_value = growth_accounting.segment_value
            and revenue_overview.period = growth_accounting.period
            and revenue_overview.period_start = growth_accounting.period_start
)

select * from arpu
