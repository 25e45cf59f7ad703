-- A failing row is a period in which the actives are not the new, returning and resurrected persons, or are not those of the period
-- before, less the dormant, plus the new and resurrected; or which misses the period before it.
with

growth as (
    select
        *,
        lag(active_persons, 1, 0) over segment_periods as active_before,
        lag(period_start) over segment_periods as previous_period_start
    from {{ ref('fct_growth_accounting') }}
    window segment_periods as (partition by period, segment, segment_value order by period_start)
)

select * from growth

where
    active_persons != new_persons + returning_persons + resurrected_persons
    or active_persons != active_before - dormant_persons + new_persons + resurrected_persons
    or least(new_persons, returning_persons, resurrected_persons, dormant_persons) < 0
    or previous_period_start != case
        when period = 'day' then period_start - 1
        when period = 'week' then period_start - 7
        else cast(period_start - interval 1 month as date)
    end
