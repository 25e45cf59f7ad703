{{ config(
    materialized='incremental',
    incremental_strategy='replace_rows',
    post_hook=['{{ insert_other_buckets() }}', '{{ mark_processed() }}'],
) }}

{%- set timeout_seconds = setting('session_timeout_seconds') -%}
{%- set batches = unseen_batches('int_sessions') -%}

{#- with trusted client sessions a stream has lanes that gaps do not cut; otherwise there is one lane, '' -#}
{%- set lane = "coalesce(session_id, '')" if setting('trust_client_sessions') else "''" -%}

{#-
    A new or superseded event can only change the sessions of its lane that are within one timeout of it. What is touched is kept by
    the aligned bin, as wide as the timeout: whatever lies between two moments of a bin is within one timeout of both.
-#}
{% set changes %}
touched as materialized (

    select
        stream_id,
        {{ lane }} as lane,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min(occurred_at) filter (where is_current) as first_current_at,
        max(occurred_at) filter (where is_current) as last_current_at

    from ({{ touched_moments(batches) }}) as moments

    group by stream_id, lane, {{ aligned_bin('occurred_at', timeout_seconds * 1000000) }}

),

affected_sessions as materialized (

    select distinct
        sessions.rowid as replaced_rowid,
        sessions.stream_id,
        touched.lane,
        sessions.started_at,
        sessions.ended_at

    from {{ this }} as sessions

    inner join touched
        on
            sessions.stream_id = touched.stream_id
            and coalesce(sessions.client_session_id, '') = touched.lane
            and (
                touched.lane != ''
                or (
                    touched.last_at >= sessions.chain_started_at - to_seconds({{ timeout_seconds }})
                    and touched.first_at <= sessions.chain_ended_at + to_seconds({{ timeout_seconds }})
                )
            )

),

affected_spans as materialized (

    select stream_id, lane, started_at, ended_at from affected_sessions
    union all
    select stream_id, lane, first_current_at, last_current_at from touched where first_current_at is not null

),
{% endset %}

{%- set affected_dates -%}
with

{{ changes }}

affected_dates as (

    select unnest(generate_series(cast(started_at as date), cast(ended_at as date), interval 1 day))::date as event_date from affected_spans

)

select distinct event_date from affected_dates
{%- endset -%}

with

{% if is_incremental() %}
{{ changes }}
{% endif %}

events as (

    select * from {{ ref('stg_events') }} as staged_events

    {% if is_incremental() %}
    semi join affected_spans as spans
        on
            staged_events.stream_id = spans.stream_id
            and {{ lane }} = spans.lane
            and staged_events.occurred_at >= spans.started_at
            and staged_events.occurred_at <= spans.ended_at

    where staged_events.event_date in {{ dates_in(affected_dates) }}
    {% else %}
    where {{ in_first_bucket('stream_id') }}
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

-- what its events do not say, the address of its entry page may: UTM parameters, and the click id of an advertising platform
landed_sessions as (

    select
        *,
        {{ click_id('entry_page') | indent(8) }} as click,
        coalesce(utm_source, utm_medium, utm_campaign, utm_term, utm_content) is null
        and regexp_matches(entry_page, '(?i)[?&]utm_') as is_tagged_by_address

    from sessions

),

tagged_sessions as (

    select
        * exclude (click, is_tagged_by_address) replace (
            {% for parameter in ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'] %}
            case when is_tagged_by_address then {{ url_parameter('entry_page', parameter) }} else {{ parameter }} end as {{ parameter }}
            {{- ',' if not loop.last }}
            {% endfor %}
        ),
        click.parameter as click_id_parameter,
        click.click_id as click_id,
        click.source as click_source,
        click.medium as click_medium

    from landed_sessions

),

-- where the session came from: its UTM parameters, else a click id, else a referrer that is not the site itself
sessions_with_hosts as (

    select
        *,
        regexp_extract(lower(referrer), '^[a-z-]+://(?:www\.)?([^/:?#]+)', 1) as referrer_host,
        case
            when referrer is not null then regexp_extract(lower(entry_page), '^[a-z-]+://(?:www\.)?([^/:?#]+)', 1)
        end as own_host

    from tagged_sessions

),

sessions_with_source as (

    select
        *,
        lower(coalesce(
            utm_source,
            click_source,
            case
                when referrer_host is distinct from own_host
                    then coalesce({{ search_engine('referrer_host') | indent(20) }}, nullif(referrer_host, ''))
            end,
            '(direct)'
        )) as traffic_source

    from sessions_with_hosts

),

sessions_with_medium as (

    select
        sessions_with_source.* exclude (referrer_host, own_host, click_source, click_medium),
        traffic_sources.category as traffic_category,
        lower(coalesce(
            sessions_with_source.utm_medium,
            case when coalesce(lower(sessions_with_source.utm_source) = click_source, sessions_with_source.utm_source is null) then click_medium end,
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
        {% if setting('session_max_hours') is none %}
        content_hash as fingerprint,
        {% else %}
        -- a chain can grow while some of its sessions stay as they are
        xor(content_hash, {{ stable_key("concat_ws('-', epoch_us(chain_started_at), epoch_us(chain_ended_at))") }}) as fingerprint,
        {% endif %}
        {{ channel_group('traffic_source', 'traffic_medium', 'lower(utm_campaign)', 'traffic_category') | indent(8) }} as channel,
        {{ identity_key() | indent(8) }} as identity_key,
        {{ local_date('started_at') }} as session_date

    from sessions_with_medium

)

select * from sessions_to_keep
{% if is_incremental() %}
union all by name
select replaced_rowid from affected_sessions
{% endif %}
