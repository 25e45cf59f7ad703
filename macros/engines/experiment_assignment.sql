{#- Variants with the part [lower_bound, upper_bound) of total_weight that each has, in the order of their names. -#}
{% macro variant_bounds(experiment_variants) -%}
    select
        *,
        cast(sum(weight) over (partition by experiment order by variant) - weight as bigint) as lower_bound,
        cast(sum(weight) over (partition by experiment order by variant) as bigint) as upper_bound,
        cast(sum(weight) over (partition by experiment) as bigint) as total_weight
    from {{ experiment_variants }}
{%- endmacro %}
