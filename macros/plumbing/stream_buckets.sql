{#-
    A first build over all events can need more memory than there is, and what grouping by many first and last values keeps is never
    spilled. Such a model is made in several statements of one transaction, each over the streams of one bucket.
-#}

{#- The condition that keeps the first bucket's streams; true when one bucket holds all events. -#}
{% macro in_first_bucket(stream_id) -%}
    {%- set buckets = stream_buckets() -%}
    {{ 'true' if buckets == 1 else 'hash(' ~ stream_id ~ ') % ' ~ buckets ~ ' = /* bucket */ 0' }}
{%- endmacro %}

{#- Post-hook: the model's own statement once more for each other bucket. -#}
{% macro insert_other_buckets() -%}
    {%- for bucket in range(1, stream_buckets()) %}
        insert into {{ this }} by name {{ compiled_code | replace('/* bucket */ 0', bucket) }};
    {%- endfor -%}
{%- endmacro %}

{#-
    How many buckets keep a first build in memory: a GiB was measured to hold 4.6 million events and more.
    An incremental build takes what it touches at once; a unit test has no landed events.
-#}
{% macro stream_buckets() -%}
    {%- if not execute or is_incremental() or not has_plumbing() or model.resource_type == 'unit_test' -%}
        {{ return(1) }}
    {%- endif -%}
    {%- set query -%}
        select greatest(1, ceil(
            count(*) / {{ env_var('FOOTFALL_EVENTS_PER_GIB', '4000000') | int }} / (parse_formatted_bytes(current_setting('memory_limit')) / 1024 ** 3)
        ))
        from {{ source('landing', 'events') }}
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | first | int) }}
{%- endmacro %}
