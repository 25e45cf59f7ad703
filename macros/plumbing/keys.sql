{#- A 64-bit key of a text that is the same on every machine and version; a test holds that no two texts share one. -#}
{% macro stable_key(text) -%}
    md5_number_lower({{ text }})
{%- endmacro %}

{#- The key of the id that decides an event's person: its user_id, else its anonymous_id. A user and a device of one text differ.
    stream_id is the stable key of coalesce(anonymous_id, user_id), which the ingest writes beside the event. -#}
{% macro identity_key(stream_id='stream_id') -%}
    case
        when user_id is null then {{ stream_id }}
        when anonymous_id is null then xor({{ stream_id }}, 1)
        else xor({{ stable_key('user_id') }}, 1)
    end
{%- endmacro %}
