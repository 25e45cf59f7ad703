{#- The key of a stream's device, or of its user where it has no device: in whichever app, unless `person_scope` is app. -#}
{% macro device_key() -%}
    {{ 'stream_id' if setting('person_scope') == 'app' else 'xor(stream_id, hash(app))' }}
{%- endmacro %}

{#- The key of the id that decides whose an event, a session or a day is: its user, else its device. A user and a device of one text differ,
    and with `person_scope: app` also those of two apps. -#}
{% macro identity_key() -%}
    case
        when user_id is null or anonymous_id is null then {{ device_key() }}
        else xor(stable_key(user_id), {{ 'xor(hash(app), 1)' if setting('person_scope') == 'app' else 1 }})
    end
{%- endmacro %}

{#- A person's name: the id itself, or with `person_scope: app` the app's name before it. -#}
{% macro person_named(id, app='app') -%}
    {{ 'named_in_app(' ~ app ~ ', ' ~ id ~ ')' if setting('person_scope') == 'app' else id }}
{%- endmacro %}
