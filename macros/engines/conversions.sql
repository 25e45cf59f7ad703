{#- How many of the active units convert in a period, and how long that takes them from their origin. -#}
{%- macro conversions(active, conversions, origins, periods, by=[]) %}
    with unit_conversions as (

        select
            {% for column in by %}conversions.{{ column }}, {% endfor %}
            conversions.period_start,
            conversions.unit,
            min(conversions.at_us - origins.at_us) filter (where conversions.at_us >= origins.at_us) as took_us
        from {{ conversions }} as conversions
        left join {{ origins }} as origins on conversions.unit = origins.unit
        group by all

    ),

    tallies as (

        select {{ columns_before(by) }}period_start, unit as active_unit, null as converted_unit, null as took_us
        from {{ active }}
        union all
        select {{ columns_before(by) }}period_start, null, unit, took_us from unit_conversions
        union all
        select {{ columns_before(by) }}period_start, null, null, null from {{ periods }}

    )

    select
        {{ columns_before(by) }}period_start,
        count(distinct active_unit)::bigint as units,
        count(converted_unit)::bigint as converted,
        count(converted_unit) / nullif(count(distinct active_unit), 0) as conversion_rate,
        quantile_cont(took_us, 0.5) / 1000000 as median_seconds
    from tallies
    group by all
{%- endmacro -%}
