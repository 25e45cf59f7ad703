{#-
    A failing row is a rule that some rows break, with their number. `rules` maps a sentence to the condition that every row meets;
    a condition that is null is broken.
-#}
{% test always_true(model, rules) %}

with

counts as (
    select
        {% for rule, condition in rules.items() -%}
        count(*) filter (where ({{ condition }}) is not true) as "{{ rule }}"{{ ',' if not loop.last }}
        {% endfor %}
    from {{ model }}
),

broken_rules as (
    unpivot counts on columns(*) into name rule value broken_rows
)

select * from broken_rules where broken_rows > 0

{% endtest %}
