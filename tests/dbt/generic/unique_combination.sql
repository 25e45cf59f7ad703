{#- A failing row is a combination of columns, or expressions, that more than one row has: the grain does not hold. Nulls are equal here. -#}
{% test unique_combination(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as copies

from {{ model }}

group by {{ columns | join(', ') }}

having count(*) > 1

{% endtest %}
