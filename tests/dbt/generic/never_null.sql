{#- A failing row is a column that is null in some rows, with their number. One pass over the model, whatever the number of columns. -#}
{% test never_null(model, columns) %}

with

counts as (
    select
        {% for column in columns -%}
        count(*) filter (where {{ column }} is null) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ model }}
),

nulls as (
    unpivot counts on columns(*) into name column_name value null_rows
)

select * from nulls where null_rows > 0

{% endtest %}
