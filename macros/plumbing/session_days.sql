{#-
    Which days of sessions an incremental model has to build anew: those whose sessions are not the ones that it was built from. Comparing
    what is there is exact however old a late event is, and whichever sessions it joins or parts.
-#}

{% macro session_day_contents() -%}
    select session_date, bit_xor(hash(session_id, ended_at, content_hash)) as content_hash
    from {{ ref('int_sessions') }}
    group by session_date
{%- endmacro %}

{#- The condition that keeps the sessions of the changed days; true when the model is built whole. The days are looked for once a model. -#}
{% macro is_of_changed_session_days() -%}
    {%- if not is_incremental() -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set query -%}
        select session_date
        from ({{ session_day_contents() }}) as sessions_now
        full join (select session_date, content_hash from plumbing.session_days where model_name = '{{ this.identifier }}') as sessions_built
            using (session_date)
        where sessions_now.content_hash is distinct from sessions_built.content_hash
        order by session_date
    {%- endset -%}
    {%- if 'changed_session_days' not in model -%}
        {%- do model.update({'changed_session_days': dates_in(query)}) -%}
    {%- endif -%}
    {{ return('session_date in ' ~ model.changed_session_days) }}
{%- endmacro %}

{#- Post-hook of such a model, inside the model's own transaction. -#}
{% macro keep_session_days() -%}
    create table if not exists plumbing.session_days (model_name varchar, session_date date, content_hash ubigint);
    delete from plumbing.session_days where model_name = '{{ this.identifier }}';
    insert into plumbing.session_days select '{{ this.identifier }}' as model_name, contents.* from ({{ session_day_contents() }}) as contents;
{%- endmacro %}
