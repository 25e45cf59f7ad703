{#- The calendar day of a UTC timestamp in the reporting time zone; UTC skips the zone look-up, which costs more than the rest. -#}
{% macro local_date(timestamp_column) -%}
    {%- if setting('reporting_timezone') | upper == 'UTC' -%}
        cast({{ timestamp_column }} as date)
    {%- else -%}
        cast(timezone('{{ setting("reporting_timezone") }}', timezone('UTC', {{ timestamp_column }})) as date)
    {%- endif -%}
{%- endmacro %}
