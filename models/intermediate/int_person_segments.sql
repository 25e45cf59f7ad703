{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

{% if is_incremental() %}
-- a person is built anew when the days that make them up are not the ones they were built from
person_contents as (
    select
        person_key,
        bit_xor(content_hash) as content_hash
    from {{ ref('int_person_days') }}
    group by person_key
),

built_contents as (
    select
        person_key,
        any_value(content_hash) as content_hash
    from {{ this }}
    group by person_key
),

changed_persons as (
    select coalesce(person_contents.person_key, built_contents.person_key) as person_key
    from person_contents
    full join built_contents
        on person_contents.person_key = built_contents.person_key
    where person_contents.content_hash is distinct from built_contents.content_hash
),
{% endif %}

person_days as (
    select * from {{ ref('int_person_days') }}
    {% if is_incremental() %}
    where person_key in (select person_key from changed_persons)
    {% endif %}
),

stretches as (
    {{ person_segments('person_days', segment_rules()) | indent(4) }}
),

person_segments as (
    select
        *,
        hash(person_key, segment, valid_from_date, valid_to_date) as fingerprint
    from stretches
)

select * from person_segments
{% if is_incremental() %}
union all by name
select rowid as replaced_rowid
from {{ this }}
where person_key in (select person_key from changed_persons)
{% endif %}
