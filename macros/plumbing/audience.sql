{#- What kind of audience somebody is, by the days of the last 30 on which they were there. -#}
{% macro audience_kind(active_days) -%}
    case
        when {{ active_days }} >= {{ setting('audience_loyal_days') }} then 'loyal'
        when {{ active_days }} >= {{ setting('audience_regular_days') }} then 'regular'
        when {{ active_days }} > 0 then 'casual'
        else 'gone'
    end
{%- endmacro %}
