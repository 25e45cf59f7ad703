{#-
    A failing row is a combination of columns, or expressions, that more than one row has: the grain does not hold. Nulls are equal here.
    With a `day`, rows are looked at whose day the newest batch names: a model that replaces whole days has changed no other.
-#}
{% test unique_combination(model, columns, day=none) %}

select
    {{ columns | join(', ') }},
    count(*) as copies

from {{ model }}

{% if day is not none -%}
where {{ day }} in {{ dates_in(days_of_newest_batch(around=1)) }}
{%- endif %}

group by {{ columns | join(', ') }}

having count(*) > 1

{% endtest %}
