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
    -- what each relation was made from and what it is: states.sql
    create table if not exists plumbing.states (
        node varchar, inputs varchar, content varchar, relation_columns varchar, compiled_code varchar, result varchar,
        script varchar, columns_read varchar
    );
    -- a home of an earlier version
    alter table plumbing.states add column if not exists script varchar;
    alter table plumbing.states add column if not exists columns_read varchar;
    -- the watermark that all models but staging follow
    create or replace view plumbing.settled_batches as
        select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies';
    create or replace table plumbing.landed_batches as {{ landed_now() }};
{% endmacro %}

{#- The batches that have landed, each with its file where it holds events. -#}
{% macro landed_now() -%}
    select parse_filename(manifests.file, true) as batch_id, batches.file
    from glob('{{ landing_path() }}/batches/*.json') as manifests
    left join glob('{{ landing_path() }}/events/*/*.parquet') as batches
        on parse_filename(manifests.file, true) = parse_filename(batches.file, true)
{%- endmacro %}

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
{% macro batches_upstream() -%}
    {%- if this.identifier.startswith('stg_') -%}
        select batch_id from plumbing.landed_batches
    {%- else -%}
        select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies'
    {%- endif -%}
{%- endmacro %}

{#- The ids of the batches that the model has still to take in, as a list for IN; of every batch when it is built whole. -#}
{% macro unseen_batches() -%}
    {%- if not execute or not has_plumbing() -%}
        {{ literal_list([]) }}
    {%- else -%}
        {%- set query -%}
            {{ batches_upstream() }}
            {% if is_incremental() %}
                except
                select batch_id from plumbing.processed_batches where model_name = '{{ this.identifier }}'
            {% endif %}
            order by batch_id
        {%- endset -%}
        {{ literal_list(run_query(query).columns[0].values()) }}
    {%- endif -%}
{%- endmacro %}

{#- Post-hook of every incremental model, inside the model's own transaction. -#}
{% macro mark_processed() -%}
    {%- if not is_incremental() -%}
        {{ forget_state() }}
    {%- endif %}
    delete from plumbing.processed_batches where model_name = '{{ this.identifier }}';
    insert into plumbing.processed_batches
        select '{{ this.identifier }}' as model_name, batch_id from ({{ batches_upstream() }}) as upstream;
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
    A digest of all that a model computes from beside events: its code, that of every macro which it calls, directly or not, the settings that these
    name, and what each relation that it reads was built with. When it differs from the one it was built with, it is rebuilt: a changed time zone or
    catalog is never half applied. What its parents would be built with by now does not count: a model that was run before them read them as they
    were, and is to be built again after them.
-#}
{% macro logic_fingerprint() -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- if 'logic_fingerprint' not in model -%}
        {%- set logic = fromjson(run_query('select logic_of(' ~ quoted(model.raw_code) ~ ')').columns[0].values() | first) -%}
        {%- set parts = [logic.digest] -%}
        {%- for name in logic.settings -%}
            {%- do parts.append(name ~ '=' ~ setting(name)) -%}
        {%- endfor -%}
        {#- how values are read, and how this version of DuckDB hashes an app -#}
        {%- do parts.append(run_query("select values_version(), hash('any')").rows[0] | join(' ')) -%}
        {#- a view reads its parents anew each time, so they are part of its readers and not of itself -#}
        {%- if model.config.materialized != 'view' -%}
            {%- do parts.append(built_with(model.depends_on.nodes)) -%}
        {%- endif -%}
        {%- do model.update({'logic_fingerprint': local_md5(parts | join('|'))}) -%}
    {%- endif -%}
    {{ return(model.logic_fingerprint) }}
{%- endmacro %}

{#- What the relations of these nodes were built with, as they stand in the warehouse, asked in one query: it is the question that costs. -#}
{% macro built_with(unique_ids) -%}
    {%- set digests = digests_of(unique_ids) -%}
    {{ return(run_query('select ' ~ digests | join(', ')).rows[0] | join('|') if digests else '') }}
{%- endmacro %}

{#- Of a seed its rows, of every other relation what it was built with, of a view also what it reads: each a sub-query. -#}
{% macro digests_of(unique_ids) -%}
    {%- set digests = [] -%}
    {%- for unique_id in unique_ids | sort if unique_id in graph.nodes -%}
        {%- set node = graph.nodes[unique_id] -%}
        {%- if node.resource_type == 'seed' -%}
            {%- set seed = api.Relation.create(schema=node.schema, identifier=node.alias) -%}
            {%- do digests.append('(select cast(bit_xor(md5_number_lower(cast(seed_row as varchar))) as varchar) from ' ~ seed ~ ' as seed_row)') -%}
        {%- else -%}
            {%- do digests.append("(select max(fingerprint) from plumbing.fingerprints where model_name = '" ~ node.alias ~ "')") -%}
            {%- if node.config.materialized == 'view' -%}
                {%- do digests.extend(digests_of(node.depends_on.nodes)) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(digests) }}
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
    {#- dbt asks this several times of a model, before and while it runs -#}
    {%- if 'is_of_other_logic' not in model -%}
        {%- set built_with = run_query("select fingerprint from plumbing.fingerprints where model_name = '" ~ this.identifier ~ "'") -%}
        {%- do model.update({'is_of_other_logic': built_with | length == 0 or built_with.columns[0].values() | first != logic_fingerprint()}) -%}
    {%- endif -%}
    {{ return(model.is_of_other_logic) }}
{%- endmacro %}

{#- The landing files of the unseen batches, as a literal list for IN, so that DuckDB opens no other file. -#}
{% macro unseen_files() -%}
    {%- set query = 'select file from plumbing.landed_batches where file is not null and batch_id in ' ~ unseen_batches() ~ ' order by batch_id' -%}
    {{ literal_list([] if not execute or not has_plumbing() else run_query(query).columns[0].values()) }}
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
    The moments at which the unseen batches change a stream: their own events, and the copies that these supersede,
    because what such a copy made in a session or a day has to be taken back. No age limits what is touched.
-#}
{% macro touched_moments() -%}
    {%- set batches = unseen_batches() if is_incremental() else literal_list([]) -%}
    select app, stream_id, session_id, occurred_at, true as is_current
    from {{ ref('stg_events') }}
    where batch_id in {{ batches }} and stream_id is not null
    union
    select app, stream_id, session_id, occurred_at, false as is_current
    from {{ ref('stg_superseded_copies') }}
    where
        stream_id is not null
        and event_key(app, event_id, event_date) in (
            select event_key(app, event_id, event_date) from {{ ref('stg_events') }} where batch_id in {{ batches }}
        )
{%- endmacro %}

{#- The days of streams that these moments change. -#}
{% macro touched_stream_days() -%}
    select distinct stream_id, {{ local_date('occurred_at') }} as activity_date from ({{ touched_moments() }}) as touched
{%- endmacro %}

{#-
    The condition that keeps what is filed under the days that the unseen batches change; true when the model is built whole. A copy repeats its
    event's day, so these are the days of their own events, besides those of copies that lost if asked. The query is run once a model.
-#}
{% macro is_of_touched_days(also_of_lost_copies=false) -%}
    {%- if not is_incremental() -%}
        {{ return('true') }}
    {%- endif -%}
    {%- if 'touched_days' not in model -%}
        {%- set batches = unseen_batches() -%}
        {%- set query -%}
            select event_date from {{ ref('stg_events') }} where batch_id in {{ batches }}
            {% if also_of_lost_copies -%}
            union all
            select event_date from {{ ref('stg_superseded_copies') }} where batch_id in {{ batches }}
            {%- endif %}
        {%- endset -%}
        {%- do model.update({'touched_days': dates_in('select distinct event_date from (' ~ query ~ ') as touched')}) -%}
    {%- endif -%}
    {{ return('event_date in ' ~ model.touched_days) }}
{%- endmacro %}

{#-
    The condition that keeps the events of the days that a query returns, by the days under which they are filed: those days, and those of
    events that the correction of a clock moved to them. True when the model is built whole.
-#}
{% macro is_of_days(query) -%}
    {%- if not is_incremental() -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set days = dates_in(query) -%}
    {%- set moved = dates_in('select distinct event_date from ' ~ ref('stg_events') ~ ' where corrected_date in ' ~ days) -%}
    {{ return('event_date in ' ~ days[:-1] ~ ', ' ~ moved[1:]) }}
{%- endmacro %}

{#- The rows that an incremental model already has and that its new ones replace, after its last step. -#}
{% macro replaced_rows(condition) -%}
    {%- if is_incremental() -%}
    union all by name
    select rowid as replaced_rowid from {{ this }} where {{ condition }}
    {%- endif -%}
{%- endmacro %}
