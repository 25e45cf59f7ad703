-- A failing row is a period in which the actives are not the new, returning and resurrected persons, or are not those of the period
-- before, less the dormant, plus the new and resurrected; or which misses the period before it, or is none.
with

growth as (
    select
        *,
        lag(active_persons, 1, 0) over segment_periods as active_before,
        lag(period_number) over segment_periods as previous_period_number
    from {{ ref('fct_growth_accounting') }}
    left join {{ ref('dim_periods') }} using (period, period_start)
    window segment_periods as (partition by period, segment, segment_value order by period_start)
)

select * from growth

where
    active_persons != new_persons + returning_persons + resurrected_persons
    or active_persons != active_before - dormant_persons + new_persons + resurrected_persons
    or least(new_persons, returning_persons, resurrected_persons, dormant_persons) < 0
    or period_number is null
    or period_number != previous_period_number + 1
