{#-
    What events measure, in one pass for any number of series. Sums and averages add up in the order of the values,
    so that the rows' order cannot change the last digit of a fraction.
-#}
{%- macro trend_measure(measure, selected, value='value', unit='unit') -%}
{%- set percentiles = {'p50': 0.5, 'p90': 0.9, 'p95': 0.95, 'p99': 0.99} -%}
{%- if measure == 'count' -%}
count(*) filter (where {{ selected }})
{%- elif measure == 'uniques' -%}
count(distinct {{ unit }}) filter (where {{ selected }})
{%- elif measure == 'count_per_unit' -%}
count({{ unit }}) filter (where {{ selected }}) / nullif(count(distinct {{ unit }}) filter (where {{ selected }}), 0)
{%- elif measure == 'sum' -%}
coalesce(sum({{ value }} order by {{ value }}) filter (where {{ selected }}), 0)
{%- elif measure == 'avg' -%}
avg({{ value }} order by {{ value }}) filter (where {{ selected }})
{%- elif measure in ('min', 'max') -%}
{{ measure }}({{ value }}) filter (where {{ selected }})
{%- else -%}
quantile_cont({{ value }}, {{ percentiles[measure] }}) filter (where {{ selected }})
{%- endif -%}
{%- endmacro -%}

{%- macro trends(events, series, by=[]) %}
    select
        {{ columns_before(by) }}[
            {%- for one in series %}
            ({{ trend_measure(one.measure, one.selected, one.value) }})::double{{ ',' if not loop.last }}
            {%- endfor %}
        ] as measured
    from {{ events }}
    group by all
{%- endmacro -%}

{#- What trends measure where there is no event. -#}
{%- macro trends_of_nothing(series) -%}
[{% for one in series %}{{ '0' if one.measure in ('count', 'uniques', 'sum') else 'null' }}{{ ', ' if not loop.last }}{% endfor %}]::double[]
{%- endmacro -%}
