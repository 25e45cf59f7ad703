{#- What the warehouse has in one schema, a publication shows in two: the target `published` finds what only our readers need in the other. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if target.name == 'published' and node.config.meta.get('internal') -%}
        internal
    {%- else -%}
        {{ default__generate_schema_name(custom_schema_name, node) }}
    {%- endif -%}
{%- endmacro %}
