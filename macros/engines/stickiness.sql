{#- How many units were active in exactly (or at least) k periods of a range. -#}
{%- macro stickiness(unit_periods, unit, periods, criteria=['gte', 1], computed_as='exact') %}
    {%- set signs = {'gte': '>=', 'lte': '<=', 'exact': '='} %}
    with active_unit_periods as (

        select {{ unit }} as counted_unit, period
        from {{ unit_periods }}
        group by all
        having sum(events) {{ signs[criteria[0]] }} {{ criteria[1] }}

    ),

    units_with_active_periods as (

        select counted_unit, count(*)::bigint as active_periods from active_unit_periods group by all

    ),

    histogram as (

        select active_periods, count(*)::bigint as units from units_with_active_periods group by all
        union all
        select unnest(generate_series(1, {{ periods }})), 0

    )

    select
        active_periods,
        {% if computed_as == 'cumulative' -%}
        (sum(sum(units)) over (order by active_periods desc))::bigint as units
        {%- else -%}
        sum(units)::bigint as units
        {%- endif %}
    from histogram
    group by active_periods
{%- endmacro -%}
