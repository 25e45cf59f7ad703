{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook='{{ mark_processed() }}',
) }}

{%- set timeout_seconds = setting('session_timeout_seconds') -%}
{%- set batches = unseen_batches('int_sessions') -%}

{#- with trusted client sessions a stream has lanes that gaps do not cut; otherwise there is one lane, '' -#}
{%- set lane = "coalesce(session_id, '')" if setting('trust_client_sessions') else "''" -%}

-- a new or superseded event can only change the sessions of its lane that are within one timeout of it
{% set touched %}
select stream_id, {{ lane }} as lane, occurred_at, is_current from ({{ touched_moments(batches) }}) as moments
{% endset %}

{% set affected_sessions %}
select distinct
    sessions.rowid as replaced_rowid,
    sessions.stream_id,
    touched.lane,
    sessions.started_at,
    sessions.ended_at

from {{ this }} as sessions

inner join ({{ touched }}) as touched
    on
        sessions.stream_id = touched.stream_id
        and coalesce(sessions.client_session_id, '') = touched.lane
        and (
            touched.lane != ''
            or touched.occurred_at between sessions.chain_started_at - to_seconds({{ timeout_seconds }})
            and sessions.chain_ended_at + to_seconds({{ timeout_seconds }})
        )
{% endset %}

{% set affected_spans %}
select stream_id, lane, started_at, ended_at from ({{ affected_sessions }}) as affected
union
select stream_id, lane, occurred_at, occurred_at from ({{ touched }}) as touched where is_current
{% endset %}

with

events as (

    select * from {{ ref('stg_events') }}

    {% if is_incremental() %}
    where
        event_date in {{ dates_in(
            'select distinct unnest(generate_series(cast(started_at as date), cast(ended_at as date), interval 1 day))::date'
            ~ ' from (' ~ affected_spans ~ ')'
        ) }}
        and exists (
            select 1

            from ({{ affected_spans }}) as spans

            where
                spans.stream_id = stg_events.stream_id
                and spans.lane = {{ lane }}
                and stg_events.occurred_at between spans.started_at and spans.ended_at
        )
    {% endif %}

),

sessions as (

    {{ sessionize(
        'events',
        timeout_seconds,
        none if setting('session_max_hours') is none else setting('session_max_hours') * 3600,
        setting('trust_client_sessions'),
        setting('bounce_max_seconds'),
    ) | indent(4) }}

),

-- where the session came from: its UTM parameters, else a referrer that is not the site itself
sessions_with_hosts as (

    select
        *,
        regexp_extract(lower(referrer), '^[a-z-]+://(?:www\.)?([^/:?#]+)', 1) as referrer_host,
        regexp_extract(lower(entry_page), '^[a-z-]+://(?:www\.)?([^/:?#]+)', 1) as own_host

    from sessions

),

sessions_with_source as (

    select
        *,
        lower(coalesce(
            utm_source,
            case when referrer_host is distinct from own_host then nullif(referrer_host, '') end,
            '(direct)'
        )) as traffic_source

    from sessions_with_hosts

),

sessions_with_medium as (

    select
        sessions_with_source.* exclude (referrer_host, own_host),
        traffic_sources.category as traffic_category,
        lower(coalesce(
            sessions_with_source.utm_medium,
            case
                when sessions_with_source.traffic_source = '(direct)' then '(none)'
                when sessions_with_source.utm_source is not null then '(not set)'
                when traffic_sources.category = 'search' then 'organic'
                else 'referral'
            end
        )) as traffic_medium

    from sessions_with_source

    left join {{ ref('traffic_sources') }} as traffic_sources
        on sessions_with_source.traffic_source = traffic_sources.source

),

sessions_to_keep as (

    select
        * exclude (traffic_category),
        -- with a maximum length a chain can grow while some of its sessions stay as they are
        xor(content_hash, {{ stable_key("concat_ws('-', epoch_us(chain_started_at), epoch_us(chain_ended_at))") }}) as fingerprint,
        {{ channel_group('traffic_source', 'traffic_medium', 'lower(utm_campaign)', 'traffic_category') | indent(8) }} as channel,
        {{ identity_key() | indent(8) }} as identity_key,
        {{ local_date('started_at') }} as session_date

    from sessions_with_medium

)

select * from sessions_to_keep
{% if is_incremental() %}
union all by name
select replaced_rowid from ({{ affected_sessions }}) as affected
{% endif %}
