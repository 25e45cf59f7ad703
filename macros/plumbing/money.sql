{#- What to say of an amount in a currency that has no rate. -#}
{% macro missing_rate(day, app, currency, what='an event') -%}
    'No exchange rate: {{ what }} of ' || cast({{ day }} as varchar) || ' in app ' || {{ app }} || ' is in ' || {{ currency }}
    || ', and seeds/exchange_rates.csv has no rate of it to {{ setting("reporting_currency") }} on that day. Add one, or set reporting_currency.'
{%- endmacro %}

{#- What a customer's or a subscription's month did to MRR; null where nothing changed. -#}
{% macro mrr_movement(opening, closing, has_paid_before) -%}
    case
        when {{ opening }} = {{ closing }} then null
        when {{ closing }} = 0 then 'churn'
        when {{ opening }} > {{ closing }} then 'contraction'
        when {{ opening }} > 0 then 'expansion'
        when {{ has_paid_before }} then 'reactivation'
        else 'new'
    end
{%- endmacro %}

{#- The standard segments of a row as a list to unnest; a row counts once in each. -#}
{% macro standard_segments(segments) -%}
    [
        {'segment': 'all', 'segment_value': 'all'}
        {%- for segment, value in segments.items() -%}
        , {'segment': '{{ segment }}', 'segment_value': {{ value }}}
        {%- endfor -%}
    ]
{%- endmacro %}
