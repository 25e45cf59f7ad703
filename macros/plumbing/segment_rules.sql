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

{#- Thresholds that contradict each other would leave a segment that nobody can be in. -#}
{% macro assert_segment_rules_are_legal() -%}
    {%- set rules = segment_rules() -%}
    {%- for name, days in rules.items() -%}
        {%- if days is not integer or days <= 0 -%}
            {{ refuse_setting('segment_' ~ name, 'it must be a whole number of days above 0') }}
        {%- endif -%}
    {%- endfor -%}
    {%- if rules.power_days > rules.power_window_days -%}
        {{ refuse_setting('segment_power_days', 'nobody is active on more days than segment_power_window_days has, ' ~ rules.power_window_days) }}
    {%- endif -%}
    {%- if rules.at_risk_days <= rules.active_days -%}
        {{ refuse_setting('segment_at_risk_days', 'it must be above segment_active_days, ' ~ rules.active_days) }}
    {%- endif -%}
{%- endmacro %}
