{#-
    Deterministic assignment to experiments. orchestration/experiments/assignment.py computes the same in Python; a test compares them.
    The two halves of one MD5 decide apart who takes part and as what, so more traffic changes nobody's variant.
-#}

{#- A number from 0 to 9999: the unit takes part where it is below 100 x traffic_percent. -#}
{% macro traffic_bucket(experiment, unit) -%}
    md5_number_lower({{ experiment }} || ':' || {{ unit }}) % 10000
{%- endmacro %}

{#- A number below the sum of the weights: the unit has the variant in whose part of that sum it lies. -#}
{% macro variant_bucket(experiment, unit, total_weight) -%}
    md5_number_upper({{ experiment }} || ':' || {{ unit }}) % cast({{ total_weight }} as ubigint)
{%- endmacro %}

{#- Variants with the part [lower_bound, upper_bound) of total_weight that each has, in the order of their names. -#}
{% macro variant_bounds(experiment_variants) -%}
    select
        *,
        cast(sum(weight) over (partition by experiment order by variant) - weight as bigint) as lower_bound,
        cast(sum(weight) over (partition by experiment order by variant) as bigint) as upper_bound,
        cast(sum(weight) over (partition by experiment) as bigint) as total_weight
    from {{ experiment_variants }}
{%- endmacro %}
