{#-
    What an event must be, in the vocabulary's `where`. A value reaches the SQL through `literal` only: a callable that gives
    its placeholder (questions) or its quoted literal (configured analyses).
-#}

{%- macro event_value(key) -%}
{%- set envelope = [
    'event_id', 'event_name', 'user_id', 'anonymous_id', 'session_id', 'account_id', 'app', 'person_id', 'occurred_at', 'received_at'
] -%}
{%- set context = [
    'page_url', 'page_title', 'referrer', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content', 'device_type', 'os',
    'browser', 'country', 'region', 'city', 'locale', 'user_agent', 'ip', 'library'
] -%}
{%- if key in envelope -%}
{{ key }}
{%- elif key.startswith('context.') and key[8:] in context -%}
{{ key[8:] }}
{%- else -%}
{%- set is_of_context = key.startswith('context.') and key != 'context.' -%}
{%- set name = key[8:] if is_of_context else key[11:] if key.startswith('properties.') and key != 'properties.' else key -%}
json_extract_string({{ 'context_other' if is_of_context else 'properties' }}, '/{{ name.replace('~', '~0').replace('/', '~1').replace("'", "''") }}')
{%- endif -%}
{%- endmacro -%}

{%- macro text_as_number(expression) -%}
case when isfinite(try_cast({{ expression }} as double)) then try_cast({{ expression }} as double) end
{%- endmacro -%}

{%- macro text_as_amount(expression) -%}
try_cast({{ text_as_number(expression) }} as decimal(38, 6))
{%- endmacro -%}

{%- macro condition(expression, operators, literal) -%}
{%- set signs = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='} -%}
(
{%- for operator, value in operators.items() -%}
{{ ' and ' if not loop.first }}
{%- if operator == 'is_set' -%}
{{ expression }} is {{ 'not ' if value }}null
{%- elif operator in ('eq', 'ne') -%}
{{ 'not ' if operator == 'ne' }}{{ value_is(expression, value, literal) }}
{%- elif operator in ('in', 'not_in') -%}
{{ 'not ' if operator == 'not_in' }}(false
{%- for item in value if item is not string %} or {{ value_is(expression, item, literal) }}{% endfor -%}
{%- for item in value if item is string -%}
{{ ' or coalesce(' ~ expression ~ ' in (' if loop.first }}{{ literal(item) }}{{ '), false)' if loop.last else ', ' }}
{%- endfor -%}
)
{%- elif operator in ('contains', 'not_contains') -%}
{{ 'not ' if operator == 'not_contains' }}coalesce(contains(lower({{ expression }}), lower({{ literal(value) }})), false)
{%- elif operator == 'regex' -%}
coalesce(regexp_matches({{ expression }}, {{ literal(value) }}), false)
{%- else -%}
{%- set compared = literal(value | string) ~ '::varchar' -%}
{{ '' if value is number else 'case when (' ~ text_as_number(compared) ~ ') is null then coalesce(' ~ expression ~ ' '
    ~ signs[operator] ~ ' ' ~ compared ~ ', false) else ' }}{{ numbers_compare(expression, signs[operator], compared) }}{{ '' if value is number else ' end' }}
{%- endif -%}
{%- endfor -%}
)
{%- endmacro -%}

{%- macro value_is(expression, value, literal) -%}
{%- if value is none -%}
({{ expression }} is null)
{%- elif value is boolean -%}
coalesce({{ expression }} = {{ literal('true' if value else 'false') }}, false)
{%- elif value is number -%}
{{ numbers_compare(expression, '=', literal(value | string) ~ '::varchar') }}
{%- else -%}
coalesce({{ expression }} = {{ literal(value) }}, false)
{%- endif -%}
{%- endmacro -%}

{#- Two texts that are one DOUBLE may still be two numbers, so their digits decide; the list has each text read once. -#}
{%- macro numbers_compare(expression, sign, number) -%}
{%- set value = text_as_number('value') -%}
{%- set other = text_as_number(number) -%}
coalesce(list_transform([{{ expression }}], lambda value: case
    when ({{ value }}) = ({{ other }}) then {{ exact_number('value') }} {{ sign }} {{ exact_number(number) }}
    else ({{ value }}) {{ sign }} ({{ other }})
end)[1], false)
{%- endmacro -%}

{#- Digits without zeros at their ends, by the place of the first one; of a negative number all of it turned round. No column of events may be
    called like the piece: it would be read instead. -#}
{%- macro exact_number(expression) -%}
{%- set digits = "ltrim(piece.whole || piece.fraction, '0')" -%}
list_transform(
    [regexp_extract(
        trim(replace({{ expression }}, '_', '')), '^([+-]?)([0-9]*)[.]?([0-9]*)(?:[eE]([+-]?[0-9]+))?$', ['sign', 'whole', 'fraction', 'exponent']
    )],
    lambda piece: case when {{ digits }} = '' then {'side': 0, 'place': 0, 'digits': ''} else {
        'side': case piece.sign when '-' then -1 else 1 end,
        'place': case piece.sign when '-' then -1 else 1 end
            * (coalesce(try_cast(piece.exponent as bigint), 0) - len(piece.fraction) + len({{ digits }})),
        'digits': case piece.sign
            when '-' then translate(rtrim({{ digits }}, '0'), '0123456789', '9876543210') || '~'
            else rtrim({{ digits }}, '0')
        end
    } end
)[1]
{%- endmacro -%}

{%- macro time_condition(expression, operators, literal) -%}
{%- set signs = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<=', 'eq': '=', 'ne': '<>'} -%}
(
{%- for operator, value in operators.items() -%}
{{ ' and ' if not loop.first }}
{%- if operator == 'is_set' -%}
{{ expression }} is {{ 'not ' if value }}null
{%- else -%}
{{ expression }} {{ signs[operator] }} {{ literal(value) }}::timestamp
{%- endif -%}
{%- endfor -%}
)
{%- endmacro -%}
