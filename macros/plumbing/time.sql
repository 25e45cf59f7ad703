{#- The calendar day of a UTC timestamp in the reporting time zone; UTC skips the zone look-up, which costs more than the rest. -#}
{% macro local_date(timestamp_column) -%}
    {%- if setting('reporting_timezone') | upper == 'UTC' -%}
        cast({{ timestamp_column }} as date)
    {%- else -%}
        cast(timezone('{{ setting("reporting_timezone") }}', timezone('UTC', {{ timestamp_column }})) as date)
    {%- endif -%}
{%- endmacro %}

{#- The wall-clock TIMESTAMP of a UTC one in the reporting time zone. -#}
{% macro local_timestamp(timestamp_column) -%}
    {%- if setting('reporting_timezone') | upper == 'UTC' -%}
        {{ timestamp_column }}
    {%- else -%}
        timezone('{{ setting("reporting_timezone") }}', timezone('UTC', {{ timestamp_column }}))
    {%- endif -%}
{%- endmacro %}

{#- The UTC TIMESTAMP of a wall-clock one in the reporting time zone. An hour that the clock skips counts from after the skip. -#}
{% macro utc_timestamp(wall_clock) -%}
    {%- if setting('reporting_timezone') | upper == 'UTC' -%}
        {{ wall_clock }}
    {%- else -%}
        timezone('UTC', timezone('{{ setting("reporting_timezone") }}', {{ wall_clock }}))
    {%- endif -%}
{%- endmacro %}
