{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

with

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
    select person_key
    from person_contents
    full join built_contents using (person_key)
    where person_contents.content_hash is distinct from built_contents.content_hash
),

person_days as (
    select * from {{ ref('int_person_days') }}
    where {{ 'person_key in (from changed_persons)' if is_incremental() else 'true' }}
),

stretches as (
    {{ person_segments('person_days', {
        'new_days': setting('segment_new_days'),
        'power_days': setting('segment_power_days'),
        'power_window_days': setting('segment_power_window_days'),
        'active_days': setting('segment_active_days'),
        'at_risk_days': setting('segment_at_risk_days'),
    }) | indent(4) }}
),

person_segments as (
    select
        *,
        hash(person_key, segment, valid_from_date, valid_to_date) as fingerprint
    from stretches
)

select * from person_segments
{{ replaced_rows('person_key in (from changed_persons)') }}
