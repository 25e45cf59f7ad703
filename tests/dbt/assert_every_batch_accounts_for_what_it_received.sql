-- A failing row is a landing batch whose received events are not its accepted, duplicate and quarantined ones, or whose files do
-- not hold as many rows as its manifest says that it accepted and quarantined: something was lost, or counted twice.
{%- set home = env_var('FOOTFALL_HOME', '.footfall') -%}
{%- set manifests = home ~ '/landing/batches/[0-9]*.json' -%}
{%- set landed = execute and run_query("select 1 from glob('" ~ manifests ~ "') limit 1") | length > 0 %}

with

batches as (
    {% if landed -%}
    select
        batch_id,
        received,
        accepted,
        duplicate,
        quarantined
    from
        read_json(
            '{{ manifests }}',
            columns = {
                batch_id: 'varchar',
                received: 'bigint',
                accepted: 'bigint',
                duplicate: 'bigint',
                quarantined: 'bigint'
            }
        )
    {%- else -%}
    -- nothing has landed yet
    select
        '' as batch_id,
        0 as received,
        0 as accepted,
        0 as duplicate,
        0 as quarantined
    where false
    {%- endif %}
),

accepted_files as (
    select
        parse_filename(file_name, true) as batch_id,
        num_rows
    from parquet_file_metadata('{{ home }}/landing/events/*/*.parquet')
),

quarantine_files as (
    {% if execute and run_query("select 1 from glob('" ~ home ~ "/quarantine/*.parquet') limit 1") | length > 0 -%}
    select
        parse_filename(file_name, true) as batch_id,
        num_rows
    from parquet_file_metadata('{{ home }}/quarantine/*.parquet')
    {%- else -%}
    select
        '' as batch_id,
        0 as num_rows
    where false
    {%- endif %}
),

counted as (
    select
        batches.*,
        coalesce(accepted_files.num_rows, 0) as accepted_rows,
        coalesce(quarantine_files.num_rows, 0) as quarantined_rows
    from batches
    left join accepted_files
        on batches.batch_id = accepted_files.batch_id
    left join quarantine_files
        on batches.batch_id = quarantine_files.batch_id
)

select * from counted

where
    received != accepted + duplicate + quarantined
    or accepted != accepted_rows
    or quarantined != quarantined_rows
