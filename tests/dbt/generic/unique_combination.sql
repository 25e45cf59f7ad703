{#-
    A failing row is a combination of columns, or expressions, that more than one row has: the grain does not hold. Nulls are equal here.
    With a `day`, rows are looked at whose day unproven batches name: a model that replaces whole days has changed no other.
-#}
{% test unique_combination(model, columns, day=none) %}

select
    {{ columns | join(', ') }},
    count(*) as copies

from {{ model }}

{% if day is not none -%}
where {{ is_of_unproven_days(day, around=1) }}
{%- endif %}

group by {{ columns | join(', ') }}

having count(*) > 1

{% endtest %}
