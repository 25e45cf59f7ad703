{#-
    What each relation, as it stands, was made from, and its content: `footfall build` leaves out whatever would come out as it is
    (orchestration/states.py). A row is written after its relation, and taken away in the transaction that changes it, whoever changes it:
    without a row nothing is known, and the node runs.
-#}

{#- For the statement that replaces a view or a table. -#}
{% macro forget_state() -%}
    delete from plumbing.states where node = '{{ model.unique_id }}';
{%- endmacro %}

{#- For the statement that exchanges rows of an incremental model: one that added and took away nothing is what it was. -#}
{% macro forget_state_if_any(temp_relation) -%}
    delete from plumbing.states where node = '{{ model.unique_id }}' and exists (select 1 from {{ temp_relation }});
{%- endmacro %}

{#- dbt's own strategy, which forgets the state of what it appends to. -#}
{% macro get_incremental_append_sql(arg_dict) -%}
    {{ forget_state_if_any(arg_dict['temp_relation']) }}
    {{ default__get_incremental_append_sql(arg_dict) }}
{%- endmacro %}
