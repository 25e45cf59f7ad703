{#- The thresholds of the segments, from the settings. -#}
{% macro segment_rules() -%}
    {{ return({
        'new_days': setting('segment_new_days'),
        'power_days': setting('segment_power_days'),
        'power_window_days': setting('segment_power_window_days'),
        'active_days': setting('segment_active_days'),
        'at_risk_days': setting('segment_at_risk_days'),
    }) }}
{%- endmacro %}
