{#-
    The incremental strategy of the heavy models. The model's rows are of two kinds: rows to add (replaced_rowid is null)
    and rows of the table to take away (their rowid in replaced_rowid). Both happen in one transaction.
-#}
{% macro get_incremental_replace_rows_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {{ forget_state_if_any(arg_dict['temp_relation']) }}
    delete from {{ arg_dict['target_relation'] }}
    where rowid in (select replaced_rowid from {{ arg_dict['temp_relation'] }} where replaced_rowid is not null);

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }} where replaced_rowid is null;
{%- endmacro %}

{#- A literal IN list of dates that a query returns: literals prune row groups, sub-queries do not. -#}
{% macro dates_in(query) -%}
    {%- set dates = [] if not execute else run_query(query).columns[0].values() -%}
    {%- if dates | length == 0 -%}
        (date '0001-01-01')
    {%- else -%}
        ({% for day in dates %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}
