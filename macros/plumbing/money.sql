{#-
    An amount in minor units as minor units of reporting_currency: changed in decimals and rounded half away from zero.
    Without a rate the build stops, because any other number would be wrong. Reads minor_rate, app and currency of the row.
-#}
{% macro in_reporting_currency(cents, day, what='an event') -%}
    case
        when minor_rate is null
            then error(
                'No exchange rate: {{ what }} of ' || cast({{ day }} as varchar) || ' in app ' || app || ' is in ' || currency
                || ', and seeds/exchange_rates.csv has no rate of it to {{ setting("reporting_currency") }} on that day.'
                || ' Add one, or set reporting_currency.'
            )
        else try_cast(round(cast({{ cents }} as decimal(18, 0)) * minor_rate) as bigint)
    end
{%- endmacro %}

{#- The faults of an amount that keep it from being money, as the first branches of a case. -#}
{% macro amount_faults(cents, unreadable) -%}
    when currencies.currency is null then 'unknown_currency'
    when number({{ unreadable }}) % 1 != 0 then 'fractional_amount'
    when {{ unreadable }} is not null then 'unreadable_amount'
    when abs({{ cents }}) > 1000000000000000 then 'amount_out_of_range'
    when {{ cents }} < 0 then 'negative_amount'
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
