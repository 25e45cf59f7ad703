-- A failing row is a conversion and month whose paths are not as many, or as much money, as what attribution credits.
with

credited as (
    select
        conversion,
        period_start,
        sum(credited_conversions) as conversions,
        sum(credited_cents) as amount_cents
    from {{ ref('fct_attribution') }}
    where model = 'linear'
    group by conversion, period_start
    having sum(credited_conversions) > 0
),

on_paths as (
    select
        conversion,
        period_start,
        sum(conversions) as conversions,
        sum(coalesce(amount_cents, 0)) as amount_cents
    from {{ ref('fct_conversion_paths') }}
    group by conversion, period_start
)

select
    conversion,
    period_start

from credited

full join on_paths using (conversion, period_start)

where
    credited.conversions is distinct from on_paths.conversions
    or credited.amount_cents is distinct from on_paths.amount_cents
