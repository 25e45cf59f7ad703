{#-
    Which batches each incremental model has taken in. A model's rows and its watermark are written in one
    transaction, so a build that dies between two models goes on where each of them stood.
-#}

{#- Runs first in every invocation: fixes which batches this run sees, so that one landing meanwhile waits for the next. -#}
{% macro prepare_warehouse() %}
    {% if execute %}
        {% if flags.EMPTY %}
            {{ exceptions.raise_compiler_error("--empty would mark batches as taken in without their events, and no later build would take them in. Leave it out.") }}
        {% endif %}
        {{ assert_settings_are_legal() }}
    {% endif %}
    create schema if not exists plumbing;
    create table if not exists plumbing.processed_batches (model_name varchar, batch_id varchar);
    create table if not exists plumbing.fingerprints (model_name varchar, fingerprint varchar);
    create table if not exists plumbing.proven_batches (batch_id varchar);
    create or replace table plumbing.landed_batches as
        select parse_filename(manifests.file, true) as batch_id, batches.file
        from glob('{{ landing_path() }}/batches/*.json') as manifests
        left join glob('{{ landing_path() }}/events/*/*.parquet') as batches
            on parse_filename(manifests.file, true) = parse_filename(batches.file, true);
{% endmacro %}

{#- Runs last in every invocation: when every test of data ran and held, what was taken in is proven. -#}
{% macro mark_proven(results) -%}
    {%- if execute and has_plumbing('proven_batches') -%}
        {%- set held = results | selectattr('status', 'in', ['pass', 'warn']) | map(attribute='node.unique_id') | list -%}
        {%- set tests = graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') | map(attribute='unique_id') -%}
        {%- if tests | reject('in', held) | list | length == 0 -%}
            insert into plumbing.proven_batches {{ settled_and_unproven() }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro landing_path() -%}
    {{ env_var('FOOTFALL_HOME', '.footfall') }}/landing
{%- endmacro %}

{#- The batches that stand before a model: what has landed for staging, the batches whose copies are settled for the others. -#}
{% macro batches_upstream(model_name) -%}
    {%- if model_name.startswith('stg_') -%}
        select batch_id from plumbing.landed_batches
    {%- else -%}
        select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies'
    {%- endif -%}
{%- endmacro %}

{#- A list of quoted batch ids that the model has still to take in; every batch when it is built whole. -#}
{% macro unseen_batches(model_name) -%}
    {%- if not execute or not has_plumbing() -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set query -%}
        {{ batches_upstream(model_name) }}
        {% if is_incremental() %}
            except
            select batch_id from plumbing.processed_batches where model_name = '{{ model_name }}'
        {% endif %}
        order by batch_id
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}

{#- Post-hook of every incremental model, inside the model's own transaction. -#}
{% macro mark_processed() -%}
    delete from plumbing.processed_batches where model_name = '{{ this.identifier }}';
    insert into plumbing.processed_batches
        select '{{ this.identifier }}' as model_name, batch_id from ({{ batches_upstream(this.identifier) }}) as upstream;
    {%- set fingerprint = logic_fingerprint() %}
    -- a model that was built whole is proven by nothing that held before
    delete from plumbing.proven_batches
    {% if not flags.FULL_REFRESH -%}
        where not exists (
            select 1 from plumbing.fingerprints where model_name = '{{ this.identifier }}' and fingerprint = '{{ fingerprint }}'
        )
    {%- endif %};
    {{ mark_built(fingerprint) }}
{%- endmacro %}

{#- Post-hook of every view and table that an incremental model reads: what it was built with, for its readers' fingerprints. -#}
{% macro mark_built(fingerprint=none) -%}
    delete from plumbing.fingerprints where model_name = '{{ this.identifier }}';
    insert into plumbing.fingerprints values ('{{ this.identifier }}', '{{ fingerprint or logic_fingerprint() }}');
{%- endmacro %}

{% macro has_plumbing(table='processed_batches') -%}
    {{ return(run_query("select 1 from duckdb_tables() where schema_name = 'plumbing' and table_name = '" ~ table ~ "'") | length > 0) }}
{%- endmacro %}

{#-
    A digest of all that a model computes from beside events: the settings, its code, and what each relation that it reads was built with.
    When it differs from the one it was built with, it is rebuilt: a changed time zone or catalog is never half applied. What its parents would be
    built with by now does not count: a model that was run before them read them as they were, and is to be built again after them.
-#}
{% macro logic_fingerprint() -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set parts = [model.raw_code, event_key() ~ landed_stream() ~ identity_key() ~ person_named('id')] -%}
    {#- how values are read, and how this version of DuckDB hashes an app -#}
    {%- do parts.append(run_query('select values_version(), ' ~ app_key() ~ " from (select 'any' as app)").rows[0] | join(' ')) -%}
    {%- for name in ['reporting_timezone', 'session_timeout_seconds', 'session_max_hours', 'trust_client_sessions', 'client_session_scope', 'bounce_max_seconds'] -%}
        {%- do parts.append(name ~ '=' ~ setting(name)) -%}
    {%- endfor -%}
    {%- do parts.append(sessionize('events', 1, 1, true, 1, 'app') ~ with_traffic('sessions', 'traffic_sources')) -%}
    {%- if 'picked_events(' in model.raw_code -%}
        {%- do parts.append(picked_events('events', configured_analyses())) -%}
    {%- endif -%}
    {%- if 'attempts_of_funnel(' in model.raw_code -%}
        {%- for named in configured_funnels() -%}
            {%- do parts.append(events_of_funnel('events', named) ~ attempts_of_funnel('events', named, ['unit', 'entry_period'])) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if 'items_of_paths(' in model.raw_code -%}
        {%- set named_paths = configured_paths() -%}
        {%- do parts.append(is_on_a_path(named_paths) ~ items_of_paths('events', named_paths) ~ is_within_steps(named_paths)) -%}
        {%- do parts.append(path_links('items', dropoff=true, of_unit=['path']) ~ paths('links', ['path'], gathered='key') ~ page_of('page')) -%}
    {%- endif -%}
    {%- if 'allow_pii' in model.raw_code -%}
        {%- do parts.append('allow_pii=' ~ setting('allow_pii')) -%}
    {%- endif -%}
    {%- if 'person_segments(' in model.raw_code -%}
        {%- do parts.append(person_segments('person_days', segment_rules())) -%}
    {%- endif -%}
    {#- a view reads its parents anew each time, so they are part of its readers and not of itself -#}
    {%- if model.config.materialized != 'view' -%}
        {%- do parts.append(built_with(model.depends_on.nodes)) -%}
    {%- endif -%}
    {{ return(local_md5(parts | join('|'))) }}
{%- endmacro %}

{#- What the relations of these nodes were built with, as they stand in the warehouse: of a seed its rows, of a view also what it reads. -#}
{% macro built_with(unique_ids) -%}
    {%- set parts = [] -%}
    {%- for unique_id in unique_ids | sort if unique_id in graph.nodes -%}
        {%- set node = graph.nodes[unique_id] -%}
        {%- if node.resource_type == 'seed' -%}
            {%- set seed = api.Relation.create(schema=node.schema, identifier=node.alias) -%}
            {%- set digest = 'select cast(bit_xor(md5_number_lower(cast(seed_row as varchar))) as varchar) from ' ~ seed ~ ' as seed_row' -%}
            {%- do parts.append(run_query(digest).columns[0].values() | first | string) -%}
        {%- else -%}
            {%- set fingerprint = "select max(fingerprint) from plumbing.fingerprints where model_name = '" ~ node.alias ~ "'" -%}
            {%- do parts.append(run_query(fingerprint).columns[0].values() | first | string) -%}
            {%- if node.config.materialized == 'view' -%}
                {%- do parts.append(built_with(node.depends_on.nodes)) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join('|')) }}
{%- endmacro %}

{#- dbt's own rule, and besides it: an incremental model whose logic changed since it was built is built whole. -#}
{% macro should_full_refresh() -%}
    {%- set wanted = config.get('full_refresh') -%}
    {%- if wanted is none -%}
        {%- set wanted = flags.FULL_REFRESH -%}
    {%- endif -%}
    {%- if wanted or not execute or model.config.materialized != 'incremental' -%}
        {{ return(wanted) }}
    {%- endif -%}
    {%- set built_with = run_query("select fingerprint from plumbing.fingerprints where model_name = '" ~ this.identifier ~ "'") -%}
    {{ return(built_with | length == 0 or built_with.columns[0].values() | first != logic_fingerprint()) }}
{%- endmacro %}

{#- The landing files of some batches, as a literal list, so that DuckDB opens no other file. -#}
{% macro landed_files(batches) -%}
    {%- if batches | length == 0 -%}
        ('')
    {%- else -%}
        {%- set files = run_query(
            "select file from plumbing.landed_batches where file is not null and batch_id in " ~ literal_list(batches) ~ " order by batch_id"
        ).columns[0].values() | list -%}
        {{ literal_list(files) }}
    {%- endif -%}
{%- endmacro %}

{#- The batches whose copies are settled and that no build has proven, as a query. -#}
{% macro settled_and_unproven() -%}
    select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies'
    except
    select batch_id from plumbing.proven_batches
{%- endmacro %}

{#-
    A condition that keeps events of the batches that were taken in since every test of data last held: what was proven before need not be
    proven again, and what failed is looked at until it holds. Batches are literals: DuckDB opens their files, and all files for a sub-query.
-#}
{% macro is_unproven() -%}
    {%- if not execute or not has_plumbing('proven_batches') or run_query('select 1 from plumbing.proven_batches limit 1') | length == 0 -%}
        true
    {%- else -%}
        batch_id in {{ literal_list(run_query(settled_and_unproven() ~ ' order by batch_id').columns[0].values()) }}
    {%- endif -%}
{%- endmacro %}

{#- A condition that keeps rows of the days that unproven batches name, and of so many days around each. -#}
{% macro is_of_unproven_days(day, around=0) -%}
    {%- set unproven = is_unproven() -%}
    {%- set named -%}
        select distinct cast(unnest(generate_series(day - {{ around }}, day + {{ around }}, interval 1 day)) as date) as day
        from (
            select distinct unnest([event_date, coalesce(corrected_date, event_date)]) as day
            from {{ ref('stg_events') }}
            where {{ unproven }}
        ) as named_days
    {%- endset -%}
    {{ 'true' if unproven == 'true' else day ~ ' in ' ~ dates_in(named) }}
{%- endmacro %}

{#- A list of texts as an SQL list that is never empty. -#}
{% macro literal_list(texts) -%}
    (''{% for text in texts %}, '{{ text | replace("'", "''") }}'{% endfor %})
{%- endmacro %}

{#-
    The moments at which the given batches changed a stream: their own events, and the copies that these superseded,
    because what such a copy made in a session or a day has to be taken back. No age limits what is touched.
-#}
{% macro touched_moments(batches) -%}
    select app, stream_id, session_id, occurred_at, true as is_current
    from {{ ref('stg_events') }}
    where batch_id in {{ literal_list(batches) }} and stream_id is not null
    union
    select app, stream_id, session_id, occurred_at, false as is_current
    from {{ ref('stg_superseded_copies') }}
    where
        stream_id is not null
        and {{ event_key() }} in (
            select {{ event_key() }} from {{ ref('stg_events') }} where batch_id in {{ literal_list(batches) }}
        )
{%- endmacro %}

{#-
    The days that the given batches changed, as a literal list for IN: a copy repeats its event's day, so these are the days of their own
    events.
-#}
{% macro touched_event_dates(batches) -%}
    {{ dates_in('select distinct event_date from ' ~ ref('stg_events') ~ ' where batch_id in ' ~ literal_list(batches)) }}
{%- endmacro %}

{#-
    The days under which the events of the days that a query returns are filed, as a literal list for IN: those days, and those of events that
    the correction of a clock moved to them.
-#}
{% macro event_dates_in(query) -%}
    {%- set days = dates_in(query) -%}
    {%- set moved = dates_in('select distinct event_date from ' ~ ref('stg_events') ~ ' where corrected_date in ' ~ days) -%}
    {{ days[:-1] ~ ', ' ~ moved[1:] }}
{%- endmacro %}

{#- The events of the days that changed, or all of them when the model is built whole; with a condition, those of one kind. -#}
{% macro events_of_days(touched_days, condition='true') -%}
    select * from {{ ref('stg_events') }}

    where
        {{ condition }}
        {%- if is_incremental() %}
        and event_date in {{ touched_days }}
        {%- endif %}
{%- endmacro %}

{#- The rows that the model already has of those days, to be replaced. -#}
{% macro rows_of_days(touched_days) -%}
    {%- if is_incremental() -%}
    union all by name
    select rowid as replaced_rowid from {{ this }} where event_date in {{ touched_days }}
    {%- endif -%}
{%- endmacro %}
