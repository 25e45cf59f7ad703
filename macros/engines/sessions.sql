{#-
    One row per session of a device stream (METRICS, Sessions).

    `events` needs: stream_id, session_id (the client's), event_id, occurred_at, is_page_view, is_interaction, user_id,
    is_activity, anonymous_id, account_id, app, page_url, referrer, utm_source, utm_medium, utm_campaign, utm_term, utm_content, country,
    device_type, os, browser, content_hash; streams that are null are left out.

    Two events in one aligned bin as wide as the timeout cannot have a break between them, so events are first grouped to
    (stream, bin) by hash, which needs no order, and only the bins, several times fewer, are sorted.

    timeout_seconds        a gap strictly longer than this begins a session
    max_length_seconds     none, or the longest a session may last; the first event beyond it begins the next session
    trust_client_sessions  true: events that carry the client's session_id are grouped by it, whatever their gaps
    bounce_max_seconds     a bounce is one page view, no other interaction, and shorter than this
-#}
{% macro sessionize(events, timeout_seconds, max_length_seconds, trust_client_sessions, bounce_max_seconds) -%}
{#- literals in microseconds: SQL would multiply two small integers into an overflow -#}
{%- set timeout_us = (timeout_seconds * 1000000) | int -%}
{%- set max_length_us = none if max_length_seconds is none else (max_length_seconds * 1000000) | int -%}
{%- set bounce_max_us = (bounce_max_seconds * 1000000) | int -%}
{%- set client_session = "coalesce(session_id, '')" if trust_client_sessions else "''" -%}
{#- counted from the year 1, because integer division of a negative number would round the wrong way -#}
{%- set bin = '(epoch_us(occurred_at) + 62135596800000000) // ' ~ timeout_us -%}
{%- set gap_breaks = "client_session = '' and epoch_us(first_at) - epoch_us(lag(last_at) over stream_bins) > " ~ timeout_us -%}
with

session_events as (

    select
        *,
        {{ client_session }} as client_session,
        -- events in their order, ties by event_id; one comparable key is half the cost of comparing a pair
        create_sort_key(occurred_at, 'asc nulls last', event_id, 'asc nulls last') as moment

    from {{ events }}

    where anonymous_id is not null or user_id is not null

),

{% if max_length_seconds is not none %}
-- chains are what gaps alone would make; those that last too long are cut, one cut after the other
plain_bins as (

    select
        stream_id,
        client_session,
        {{ bin }} as bin,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at

    from session_events

    group by all

),

plain_breaks as (

    select
        *,
        coalesce({{ gap_breaks }}, lag(last_at) over stream_bins is null) as is_break

    from plain_bins

    window stream_bins as (partition by stream_id, client_session order by first_at)

),

plain_chains as (

    select
        *,
        count(*) filter (where is_break) over (partition by stream_id, client_session order by first_at) as chain_number

    from plain_breaks

),

long_chains as (

    select
        stream_id,
        client_session,
        min(first_at) as first_at,
        max(last_at) as last_at

    from plain_chains

    group by stream_id, client_session, chain_number

    having epoch_us(max(last_at)) - epoch_us(min(first_at)) > {{ max_length_us }}

),

long_chain_moments as (

    select distinct
        session_events.stream_id,
        session_events.client_session,
        session_events.occurred_at,
        long_chains.first_at as chain_started_at

    from session_events

    inner join long_chains
        on
            session_events.stream_id = long_chains.stream_id
            and session_events.client_session = long_chains.client_session
            and session_events.occurred_at between long_chains.first_at and long_chains.last_at

),

cuts as (

    with recursive walked as (

        select
            stream_id,
            client_session,
            first_at as chain_started_at,
            first_at as cut_at

        from long_chains

        union all

        select
            walked.stream_id,
            walked.client_session,
            walked.chain_started_at,
            min(moments.occurred_at) as cut_at

        from walked

        inner join long_chain_moments as moments
            on
                walked.stream_id = moments.stream_id
                and walked.client_session = moments.client_session
                and walked.chain_started_at = moments.chain_started_at
                and epoch_us(moments.occurred_at) > epoch_us(walked.cut_at) + {{ max_length_us }}

        group by walked.stream_id, walked.client_session, walked.chain_started_at, walked.cut_at

    )

    select * from walked

),

cut_events as (

    select
        session_events.*,
        cuts.cut_at

    from session_events

    asof left join cuts
        on
            session_events.stream_id = cuts.stream_id
            and session_events.client_session = cuts.client_session
            and session_events.occurred_at >= cuts.cut_at

),
{% else %}
cut_events as (

    select
        *,
        cast(null as timestamp) as cut_at

    from session_events

),
{% endif %}

bins as (

    select
        stream_id,
        client_session,
        cut_at,
        {{ bin }} as bin,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        count(*) as events,
        count(*) filter (where is_page_view) as page_views,
        count(*) filter (where is_interaction and not is_page_view) as interactions,
        count(*) filter (where is_activity) as activity_events,
        bit_xor(content_hash) as content_hash,
        max(anonymous_id) as anonymous_id,
        arg_min(user_id, moment) filter (where user_id is not null) as user_id,
        arg_min(account_id, moment) filter (where account_id is not null) as account_id,
        arg_min(
            struct_pack(app := app, country := country, device_type := device_type, os := os, browser := browser), moment
        ) as origin,
        arg_min(page_url, moment) filter (where page_url is not null) as entry_page,
        arg_max(page_url, moment) filter (where page_url is not null) as exit_page,
        arg_min(referrer, moment) filter (where referrer is not null) as referrer,
        arg_min(
            struct_pack(
                source := utm_source,
                medium := utm_medium,
                campaign := utm_campaign,
                term := utm_term,
                content := utm_content
            ),
            moment
        ) filter (where coalesce(utm_source, utm_medium, utm_campaign, utm_term, utm_content) is not null) as utm

    from cut_events

    group by stream_id, client_session, cut_at, bin

),

breaks as (

    select
        *,
        coalesce({{ gap_breaks }}, lag(last_at) over stream_bins is null) as is_chain_break,
        lag(cut_at) over stream_bins as previous_cut_at

    from bins

    window stream_bins as (partition by stream_id, client_session order by first_at)

),

numbered_bins as (

    select
        *,
        count(*) filter (where is_chain_break or cut_at is distinct from previous_cut_at) over up_to_here as session_number,
        count(*) filter (where is_chain_break) over up_to_here as chain_number

    from breaks

    window up_to_here as (partition by stream_id, client_session order by first_at)

),

session_rows as (

    select
        stream_id,
        nullif(client_session, '') as client_session_id,
        chain_number,
        min(first_at) as started_at,
        max(last_at) as ended_at,
        sum(events) as events,
        sum(page_views) as page_views,
        sum(interactions) as interactions,
        sum(activity_events) as activity_events,
        bit_xor(content_hash) as content_hash,
        max(anonymous_id) as anonymous_id,
        arg_min(user_id, first_at) as user_id,
        arg_min(account_id, first_at) as account_id,
        arg_min(origin, first_at) as origin,
        arg_min(entry_page, first_at) as entry_page,
        arg_max(exit_page, first_at) as exit_page,
        arg_min(referrer, first_at) as referrer,
        arg_min(utm, first_at) as utm

    from numbered_bins

    group by stream_id, client_session, chain_number, session_number

)

select
    md5(concat_ws('-', stream_id, epoch_us(started_at), client_session_id)) as session_id,
    stream_id,
    client_session_id,
    anonymous_id,
    user_id,
    account_id,
    origin.app as app,
    origin.country as country,
    origin.device_type as device_type,
    origin.os as os,
    origin.browser as browser,
    entry_page,
    exit_page,
    referrer,
    utm.source as utm_source,
    utm.medium as utm_medium,
    utm.campaign as utm_campaign,
    utm.term as utm_term,
    utm.content as utm_content,
    started_at,
    ended_at,
    {% if max_length_seconds is none %}
    started_at as chain_started_at,
    ended_at as chain_ended_at,
    {% else %}
    min(started_at) over (partition by stream_id, client_session_id, chain_number) as chain_started_at,
    max(ended_at) over (partition by stream_id, client_session_id, chain_number) as chain_ended_at,
    {% endif %}
    (epoch_us(ended_at) - epoch_us(started_at)) / 1000000 as duration_seconds,
    cast(events as bigint) as events,
    cast(page_views as bigint) as page_views,
    cast(interactions as bigint) as interactions,
    cast(activity_events as bigint) as activity_events,
    page_views = 1 and interactions = 0 and epoch_us(ended_at) - epoch_us(started_at) < {{ bounce_max_us }} as is_bounce,
    content_hash

from session_rows
{%- endmacro %}
