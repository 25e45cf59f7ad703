{#-
    Who of a cohort comes back k periods later. Cells are counted once per unit, cohort and period; `exact` counts these,
    `on_or_after` and `within` are running totals over each unit's last or first period.
-#}
{%- macro retention(starts, returns, cells, measure='exact', window='calendar', period_us=none, minimum_occurrences=1, by=[], brackets=[]) %}
    {%- set age = 'returns.place - starts.cohort' if window == 'calendar' else '(returns.moment_us - starts.anchor_us) // ' ~ period_us %}
    {#- the number of a period's bracket is how many of the rising bounds it has reached -#}
    {%- set period = 'len(list_filter(' ~ brackets ~ ', lambda bound: bound <= ' ~ age ~ '))' if brackets else age %}
    with unit_cells as (

        {% if window == 'calendar' and not brackets -%}
        select
            {% for column in by %}starts.{{ column }}, {% endfor %}
            starts.unit,
            starts.cohort,
            {{ period }} as period,
            returns.amount,
            returns.events >= {{ minimum_occurrences }} as is_return
        from {{ starts }} as starts
        inner join {{ returns }} as returns on starts.unit = returns.unit and returns.place >= starts.cohort
        {%- else -%}
        select
            {% for column in by %}starts.{{ column }}, {% endfor %}
            starts.unit,
            starts.cohort,
            {{ period }} as period,
            sum(returns.amount) as amount,
            sum(returns.events) >= {{ minimum_occurrences }} as is_return
        from {{ starts }} as starts
        inner join {{ returns }} as returns
            on starts.unit = returns.unit and {{ 'returns.place >= starts.cohort' if window == 'calendar' else 'returns.moment_us >= starts.anchor_us' }}
        group by all
        {%- endif %}

    ),

    {% if measure != 'exact' -%}
    unit_returns as (

        select {{ columns_before(by) }}unit, cohort, {{ {'on_or_after': 'max', 'within': 'min'}[measure] }}(period) as period
        from unit_cells
        where is_return and period > 0
        group by {{ columns_before(by) }}unit, cohort

    ),

    {% endif -%}
    tallies as (

        select {{ columns_before(by) }}cohort, 0 as period, count(*) as units, 0 as amount, false as is_asked, null as is_complete
        from {{ starts }}
        group by all
        union all
        select
            {{ columns_before(by) }}cohort,
            period,
            {{ 'count(*) filter (where is_return and period > 0)' if measure == 'exact' else 0 }},
            sum(amount),
            false,
            null
        from unit_cells
        group by {{ columns_before(by) }}cohort, period
        {% if measure != 'exact' -%}
        union all
        select {{ columns_before(by) }}cohort, period, count(*), 0, false, null from unit_returns group by all
        {% endif -%}
        union all
        select {{ columns_before(by) }}cohort, period, 0, 0, true, is_complete from {{ cells }}

    ),

    tallies_by_cell as (

        select
            {{ columns_before(by) }}cohort,
            period,
            sum(units) as units,
            sum(amount) as amount,
            bool_or(is_asked) as is_asked,
            bool_or(is_complete) as is_complete
        from tallies
        group by all

    ),

    measured as (

        select
            {{ columns_before(by) }}cohort,
            period,
            is_asked,
            is_complete,
            max(case when period = 0 then units end) over (partition by {{ columns_before(by) }}cohort) as cohort_units,
            {% if measure == 'exact' -%}
            units,
            amount
            {%- else -%}
            sum(units) over running as units,
            sum(amount) over running as amount
            {%- endif %}
        from tallies_by_cell
        {% if measure != 'exact' -%}
        window running as (
            partition by {{ columns_before(by) }}cohort, period = 0
            order by period {{ 'desc' if measure == 'on_or_after' }} rows unbounded preceding
        )
        {%- endif %}

    )

    select
        {{ columns_before(by) }}cohort,
        period,
        units::bigint as units,
        case when cohort_units > 0 then units::double / cohort_units end as rate,
        amount::double as amount,
        is_complete
    from measured
    where is_asked
{%- endmacro -%}
