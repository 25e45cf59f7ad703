{#-
    An amount in minor units as minor units of reporting_currency: changed in decimals and rounded half away from zero. Without a rate it is
    null, which is a stated fault, or stops the build where `missing_rate` says so. Reads minor_rate, app and currency of the row.
-#}
{% macro in_reporting_currency(cents, day, what='an event', is_stopped=none) -%}
    case
        {%- if (setting('missing_rate') == 'stop' if is_stopped is none else is_stopped) %}
        when minor_rate is null
            then error(
                'No exchange rate: {{ what }} of ' || cast({{ day }} as varchar) || ' in app ' || app || ' is in ' || currency
                || ', and seeds/exchange_rates.csv has no rate of it to {{ setting("reporting_currency") }} that holds on that day.'
                || ' Add one, or set reporting_currency{{ ', or missing_rate to fault' if is_stopped is none }}.'
            )
        {%- endif %}
        when minor_rate is not null then try_cast(round(cast({{ cents }} as decimal(18, 0)) * minor_rate) as bigint)
    end
{%- endmacro %}

{#- The standard segments of a row as a list to unnest, each with the clock that its rows end with; a row counts once in each. -#}
{% macro standard_segments(segments) -%}
    [
        {'segment': 'all', 'segment_value': 'all', 'clock': ''}
        {%- for segment, value in segments.items() -%}
        , {'segment': '{{ segment }}', 'segment_value': {{ value }}, 'clock': {{ value if segment == 'app' else "''" }}}
        {%- endfor -%}
    ]
{%- endmacro %}

{#-
    The numbers of payments whose rows in `sources` are not those that the model's rows were made from: new, gone, or others. A digest of what
    a payment was made from is the exclusive or of its rows', so what is the same on both sides takes itself away. By thousands of payments at
    once first, which costs next to nothing, then by each of those that differ.
-#}
{% macro changed_payments(sources) -%}
    with both_sides as (
        select payment_number, source_hash from {{ sources }} as sources
        union all
        select payment_number, source_hash from {{ this }}
    )

    select payment_number
    from both_sides
    where payment_number % 4096 in (
        select payment_number % 4096 from both_sides group by all having bit_xor(source_hash) != 0
    )
    group by payment_number
    having bit_xor(source_hash) != 0
{%- endmacro %}
