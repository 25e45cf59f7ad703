{#- A 64-bit key of a text that is the same on every machine and version; a test holds that no two texts share one. -#}
{% macro stable_key(text) -%}
    md5_number_lower({{ text }})
{%- endmacro %}

{#- What an event is told apart by: two events of an app with one id on one UTC day are one event. Its columns, and a hash to find copies by. -#}
{% macro event_identity() -%}
    app, event_id, event_date
{%- endmacro %}

{% macro event_key() -%}
    hash({{ event_identity() }})
{%- endmacro %}

{#- The hash of an app that scopes the key of an id: ids of two apps differ. -#}
{% macro app_key() -%}
    hash(app)
{%- endmacro %}

{#- The stream of a landed row: of a device in an app, else of a user there, and the two never meet, whatever their ids. The ingest wrote the
    key of the id beside it; where today's list of what is no id leaves out what an older one took for an id, it is computed anew. -#}
{% macro landed_stream() -%}
    {%- set id = 'coalesce(clean_id(anonymous_id), clean_id(user_id))' -%}
    xor(
        case when {{ id }} = coalesce(anonymous_id, user_id) then stream_id else {{ stable_key(id) }} end,
        xor({{ app_key() }}, cast(clean_id(anonymous_id) is null as ubigint))
    )
{%- endmacro %}

{#- The key of a stream's device, or of its user where it has no device: in whichever app, unless `person_scope` is app. -#}
{% macro device_key() -%}
    {{ 'stream_id' if setting('person_scope') == 'app' else 'xor(stream_id, ' ~ app_key() ~ ')' }}
{%- endmacro %}

{#- The key of the id that decides whose an event, a session or a day is: its user, else its device. A user and a device of one text differ,
    and with `person_scope: app` also those of two apps. -#}
{% macro identity_key() -%}
    case
        when user_id is null or anonymous_id is null then {{ device_key() }}
        else xor({{ stable_key('user_id') }}, {{ 'xor(' ~ app_key() ~ ', 1)' if setting('person_scope') == 'app' else 1 }})
    end
{%- endmacro %}

{#- The same from the ids alone, for what is no row of one stream. -#}
{% macro identity_key_of_ids() -%}
    {%- set is_user = 'cast(user_id is not null as ubigint)' -%}
    xor({{ stable_key('coalesce(user_id, anonymous_id)') }}, {{ 'xor(' ~ app_key() ~ ', ' ~ is_user ~ ')' if setting('person_scope') == 'app' else is_user }})
{%- endmacro %}

{#- An id with its app's name before it, in which a slash is escaped, so that no two names are one. -#}
{% macro named_in_app(id, app='app') -%}
    replace(replace({{ app }}, '%', '%25'), '/', '%2F') || '/' || {{ id }}
{%- endmacro %}

{#- A person's name: the id itself, or with `person_scope: app` the app's name before it. -#}
{% macro person_named(id, app='app') -%}
    {{ named_in_app(id, app) if setting('person_scope') == 'app' else id }}
{%- endmacro %}

{#- A hub as a segment names it: ids belong to their app. -#}
{% macro hub_of(app, location_id) -%}
    coalesce({{ named_in_app(location_id, app) }}, 'unknown')
{%- endmacro %}
