{#-
    Views and tables are replaced in place: DuckDB changes its catalog in transactions, so the dance of building beside the old relation,
    renaming both and dropping the old one gains nothing, and costs more than most of our models.
-#}

{% materialization view, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ drop_relation_of_another_type('view') }}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {{ forget_state() }}
        drop view if exists {{ target_relation }};
        {{ create_view_as(target_relation, sql) }}
    {%- endcall %}

    {{ finish_replacement(target_relation) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ drop_relation_of_another_type('table') }}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if model['language'] == 'sql' %}
        {% call statement('main') -%}
            {{ forget_state() }}
            drop table if exists {{ target_relation }};
            {{ create_table_as(False, target_relation, compiled_code) }}
        {%- endcall %}
    {% else %}
        {#- Python writes in a transaction of its own, which must not meet the drop -#}
        {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
        {{ drop_relation_if_exists(load_cached_relation(intermediate_relation)) }}
        {% call statement('main', language='python') -%}
            {{- create_table_as(False, intermediate_relation, compiled_code, 'python') -}}
        {%- endcall %}
        {% call statement('replace') -%}
            {{ forget_state() }}
            drop table if exists {{ target_relation }};
            alter table {{ intermediate_relation }} rename to {{ target_relation.identifier }};
        {%- endcall %}
    {% endif %}

    {% do create_indexes(target_relation) %}
    {{ finish_replacement(target_relation) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- What the name stood for before the model was materialized another way. -#}
{% macro drop_relation_of_another_type(type) %}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- if existing_relation is not none and existing_relation.type != type -%}
        {{ drop_relation_if_exists(existing_relation) }}
    {%- endif -%}
{% endmacro %}

{% macro finish_replacement(target_relation) %}
    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{% endmacro %}
