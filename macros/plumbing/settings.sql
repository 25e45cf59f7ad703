{#- The value of a setting: environment variable FOOTFALL_<NAME> first (the settings that a home keeps stand there), else the project's var. -#}
{% macro setting(name) -%}
    {%- set from_environment = env_var('FOOTFALL_' ~ name | upper, '') -%}
    {%- if from_environment == '' -%}
        {{ return(var(name)) }}
    {%- elif from_environment | lower in ['true', 'false'] -%}
        {{ return(from_environment | lower == 'true') }}
    {%- elif from_environment | lower in ['null', 'none'] -%}
        {{ return(none) }}
    {%- elif from_environment.replace('.', '', 1).isdigit() -%}
        {{ return(from_environment | float if '.' in from_environment else from_environment | int) }}
    {%- else -%}
        {{ return(from_environment) }}
    {%- endif -%}
{%- endmacro %}

{#- Settings that are checked once a run, so that a slip is an error and never a silent default; orchestration/legal.py says what is legal. -#}
{% macro assert_settings_are_legal() -%}
    {%- set values = {} -%}
    {%- for name in run_query('select unnest(checked_settings())').columns[0].values() -%}
        {%- do values.update({name: setting(name)}) -%}
    {%- endfor -%}
    {%- set refusal = run_query('select refusal_of(' ~ quoted(tojson(values)) ~ ')').columns[0].values() | first -%}
    {%- if refusal -%}
        {{ exceptions.raise_compiler_error(refusal) }}
    {%- endif -%}
{%- endmacro %}
