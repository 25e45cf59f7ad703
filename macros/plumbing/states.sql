{#-
    What each relation, as it stands, was made from, and its content: `footfall build` leaves out whatever would come out as it is
    (orchestration/states.py). A row is written after its relation, and taken away in the transaction that changes it, whoever changes it:
    without a row nothing is known, and the node runs.
-#}
{% macro create_states() -%}
    create table if not exists plumbing.states (
        node varchar, inputs varchar, content varchar, relation_columns varchar, compiled_code varchar, result varchar,
        script varchar, columns_read varchar
    );
    -- a home of an earlier version
    alter table plumbing.states add column if not exists script varchar;
    alter table plumbing.states add column if not exists columns_read varchar;
    create or replace view plumbing.settled_batches as
        select batch_id from plumbing.processed_batches where model_name = 'stg_superseded_copies';
{%- endmacro %}

{#- For the statement that replaces a view or a table. -#}
{% macro forget_state() -%}
    delete from plumbing.states where node = '{{ model.unique_id }}';
{%- endmacro %}

{#- For the statement that exchanges rows of an incremental model: one that added and took away nothing is what it was. -#}
{% macro forget_state_if_any(temp_relation) -%}
    delete from plumbing.states where node = '{{ model.unique_id }}' and exists (select 1 from {{ temp_relation }});
{%- endmacro %}

{#- dbt's own strategy, which forgets the state of what it appends to. -#}
{% macro get_incremental_append_sql(arg_dict) -%}
    {{ forget_state_if_any(arg_dict['temp_relation']) }}
    {{ default__get_incremental_append_sql(arg_dict) }}
{%- endmacro %}
