{#-
    The analyses that people name in seeds/, read when a model that shows them is compiled. ingest/analyses.py checks them before a number is
    computed, and fills in what is left blank.
-#}

{#- The rows of a seed as mappings of texts, with where each stands; none before the seed is there. -#}
{% macro seed_rows(name) -%}
    {%- set seed = ref(name) -%}
    {%- if not execute or load_relation(seed) is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set rows = [] -%}
    {%- for values in run_query('select * from ' ~ seed ~ ' order by rowid').rows -%}
        {%- set row = {'seed': name, 'number': loop.index} -%}
        {%- for column, value in values.dict().items() -%}
            {%- do row.update({column: none if value is none or value | string | trim == '' else value | string | trim}) -%}
        {%- endfor -%}
        {%- do rows.append(row) -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}

{#- What the seeds name of a kind: funnels, retentions, conversions, paths, cohorts, or the analyses that events have to be picked for. -#}
{% macro configured(kind) -%}
    {%- set seeds = {
        'funnels': ['event_catalog', 'funnels', 'funnel_steps', 'funnel_exclusions'],
        'retentions': ['event_catalog', 'retentions'],
        'conversions': ['event_catalog', 'conversions'],
        'analyses': ['event_catalog', 'funnels', 'funnel_steps', 'funnel_exclusions', 'retentions', 'conversions'],
        'paths': ['paths'],
        'cohorts': ['event_catalog', 'cohorts'],
    } -%}
    {%- set rows = {} -%}
    {%- for name in seeds[kind] -%}
        {%- do rows.update({name: seed_rows(name)}) -%}
    {%- endfor -%}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set local_times = {'occurred_at': local_timestamp('occurred_at'), 'received_at': local_timestamp('received_at')} -%}
    {%- set arguments = [kind, tojson(rows), tojson(local_times)] | map('string') | map('replace', "'", "''") | join("', '") -%}
    {%- set answer = fromjson(run_query("select configured('" ~ arguments ~ "')").columns[0].values() | first) -%}
    {%- if answer.fault -%}
        {{ exceptions.raise_compiler_error(answer.fault) }}
    {%- endif -%}
    {{ return(answer.found) }}
{%- endmacro %}

{#- The names of the events that experiments are made of, as literals, which keep all other events from being read further. -#}
{% macro experiment_event_names() -%}
    {%- set names = ['experiment_exposed'] -%}
    {%- for row in seed_rows('experiment_metrics') -%}
        {%- for name in [row.numerator, row.denominator] if name is not none and name not in names -%}
            {%- do names.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ literal_list(names) }}
{%- endmacro %}
