{#-
    One row per session of a device stream (METRICS, Sessions).

    `events` needs: stream_id, session_id (the client's), event_id, occurred_at, is_page_view, is_interaction, is_passive, user_id,
    is_activity, anonymous_id, account_id, app, page_url, referrer, utm_source, utm_medium, utm_campaign, utm_term, utm_content, country,
    device_type, os, browser, is_bot, content_hash; streams that are null are left out.

    Two events in one aligned bin as wide as the timeout cannot have a break between them, so events are first grouped to
    (stream, bin) by hash, which needs no order. Without a bin right before or after it, which a hash join tells, a bin is a
    session. Only the others are sorted.

    Passive events cut nothing. One belongs to the session of the last other event before it, unless that is longer ago than the timeout:
    its last other event lies in its own bin or in the one before, so that two hash joins find it. Those that belong to none are left out.

    timeout_seconds        a gap strictly longer than this begins a session
    max_length_seconds     none, or the longest a session may last; the first event beyond it begins the next session
    trust_client_sessions  true: events that carry the client's session_id are grouped by it, whatever their gaps
    client_session_scope   app: such a session spans the devices and users of its app; device: it is one of its stream
    bounce_max_seconds     a bounce is one page view, no other interaction, and shorter than this
-#}
{% macro sessionize(events, timeout_seconds, max_length_seconds, trust_client_sessions, bounce_max_seconds, client_session_scope='app') -%}
{#- literals in microseconds: SQL would multiply two small integers into an overflow -#}
{%- set timeout_us = (timeout_seconds * 1000000) | int -%}
{%- set max_length_us = none if max_length_seconds is none else (max_length_seconds * 1000000) | int -%}
{%- set bounce_max_us = (bounce_max_seconds * 1000000) | int -%}
{#- gaps cut a stream; a session of the client is a lane of its own that they do not cut: one bin -#}
{%- set lane = 'stream_id, client_session' if trust_client_sessions else 'stream_id' -%}
{%- set is_cut_by_gaps = "client_session = ''" if trust_client_sessions else 'true' -%}
{%- set spans_devices = trust_client_sessions and client_session_scope == 'app' -%}
{%- set cut = 'cut_at, ' if max_length_seconds is not none else '' -%}
{#- from the year 1, because integer division of a negative number rounds the wrong way -#}
{%- set bin = '(epoch_us(occurred_at) + 62135596800000000) // ' ~ timeout_us -%}
{%- if trust_client_sessions -%}
{%- set bin = "case when client_session = '' then " ~ bin ~ " else 0 end" -%}
{%- endif -%}
{%- set is_chain_break -%}
coalesce({{ is_cut_by_gaps }} and epoch_us(first_at) - epoch_us(lag(last_at) over lane_bins) > {{ timeout_us }}, lag(last_at) over lane_bins is null)
{%- endset -%}
with

laned_events as not materialized (

    select
        * {%- if spans_devices %} replace ({{ session_stream(trust_client_sessions, client_session_scope) }} as stream_id) {%- endif %},
        {{ "coalesce(session_id, '')" if trust_client_sessions else "''" }} as client_session,
        coalesce(is_passive, false) as is_passive_event

    from {{ events }}

    where anonymous_id is not null or user_id is not null

),

session_events as not materialized (

    select
        *,
        {{ bin }} as bin,
        -- events in their order, ties by event_id; one comparable key is half the cost of comparing a pair
        create_sort_key(occurred_at, 'asc nulls last', event_id, 'asc nulls last') as moment

    from laned_events

),

bins_beside_passive_events as (

    select
        {{ lane }},
        bin,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at

    from session_events

    semi join (select {{ lane }} from session_events where is_passive_event) as passive_events using ({{ lane }})

    where not is_passive_event

    group by {{ lane }}, bin

),

-- a passive event takes the bin of the last other event before it
passive_events_in_sessions as (

    select session_events.* replace (case when same_bin.first_at <= occurred_at then bin else bin - 1 end as bin)

    from session_events

    left join bins_beside_passive_events as same_bin using ({{ lane }}, bin)

    left join (select * replace (bin + 1 as bin) from bins_beside_passive_events) as bin_before using ({{ lane }}, bin)

    where
        is_passive_event
        and epoch_us(occurred_at) - epoch_us(case when same_bin.first_at <= occurred_at then same_bin.last_at else bin_before.last_at end)
        <= {{ timeout_us }}

),

attended_events as not materialized (

    select * from session_events where not is_passive_event
    union all
    select * from passive_events_in_sessions

),

{% if max_length_seconds is not none %}
-- chains are what gaps alone would make; those that last too long are cut, one cut after the other
plain_bins as (

    select
        {{ lane }},
        bin,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at

    from session_events

    where not is_passive_event

    group by all

),

plain_breaks as (

    select
        *,
        {{ is_chain_break }} as is_break

    from plain_bins

    window lane_bins as (partition by {{ lane }} order by first_at)

),

plain_chains as (

    select
        *,
        count(case when is_break then 1 end) over (partition by {{ lane }} order by first_at) as chain_number

    from plain_breaks

),

-- one that only a passive event could make too long is cut at its beginning, which says when it is too long
long_chains as (

    select
        {{ lane }},
        min(first_at) as first_at,
        max(last_at) as last_at

    from plain_chains

    group by {{ lane }}, chain_number

    having epoch_us(max(last_at)) - epoch_us(min(first_at)) > {{ max_length_us - timeout_us }}

),

long_chain_moments as (

    select distinct
        {{ lane }},
        session_events.occurred_at,
        long_chains.first_at as chain_started_at

    from session_events

    inner join long_chains using ({{ lane }})

    where
        not session_events.is_passive_event
        and session_events.occurred_at between long_chains.first_at and long_chains.last_at

),

cuts as (

    with recursive walked as (

        select
            {{ lane }},
            first_at as chain_started_at,
            last_at as chain_ended_at,
            first_at as cut_at

        from long_chains

        union all

        select
            {{ lane }},
            chain_started_at,
            walked.chain_ended_at,
            min(moments.occurred_at) as cut_at

        from walked

        inner join long_chain_moments as moments using ({{ lane }}, chain_started_at)

        where epoch_us(moments.occurred_at) > epoch_us(walked.cut_at) + {{ max_length_us }}

        group by {{ lane }}, chain_started_at, walked.chain_ended_at, walked.cut_at

    )

    select
        *,
        cut_at as occurred_at

    from walked

),

cut_events as (

    select
        attended_events.*,
        cuts.cut_at

    from attended_events

    asof left join cuts using ({{ lane }}, occurred_at)

    -- the last cut may be one of an earlier chain
    where not coalesce(
        attended_events.is_passive_event
        and epoch_us(occurred_at) - epoch_us(cuts.chain_ended_at) <= {{ timeout_us }}
        and epoch_us(occurred_at) - epoch_us(cuts.cut_at) > {{ max_length_us }}, false
    )

),
{% endif %}

bins as (

    select
        {{ lane }},
        {{ cut }}
        bin,
        min(occurred_at) as first_at,
        max(case when not is_passive_event then occurred_at end) as last_at,
        max(occurred_at) as ended_at,
        count(*) as events,
        count(*) filter (where is_passive_event) as passive_events,
        count(*) filter (where is_page_view) as page_views,
        count(*) filter (where is_interaction and not is_page_view) as interactions,
        count(*) filter (where is_activity) as activity_events,
        bool_or(is_bot) as is_bot,
        bit_xor(content_hash) as content_hash,
        bit_xor(case when not is_passive_event then content_hash end) as active_hash,
        {{ 'arg_min(anonymous_id, moment) filter (where anonymous_id is not null)' if spans_devices else 'max(anonymous_id)' }} as anonymous_id,
        arg_min(user_id, moment) filter (where user_id is not null) as user_id,
        arg_min(account_id, moment) filter (where account_id is not null) as account_id,
        arg_min(
            struct_pack(app := app, country := country, device_type := device_type, os := os, browser := browser), moment
        ) as origin,
        arg_min(page_url, moment) filter (where page_url is not null and not is_passive_event) as entry_page,
        -- a page may be left after the next one was opened
        arg_max(page_url, moment) filter (where page_url is not null and not is_passive_event) as exit_page,
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

    from {{ 'attended_events' if max_length_seconds is none else 'cut_events' }}

    group by {{ lane }}, {{ cut }} bin

),

neighbours as (

    select {{ lane }}, bin + 1 as bin from bins
    union all
    select {{ lane }}, bin - 1 as bin from bins
    {% if cut %}
    union all
    select {{ lane }}, bin from bins where cut_at is not null
    {% endif %}

),

-- narrow on purpose: what a bin carries is not sorted
neighbouring_bins as (

    select
        {{ lane }},
        {{ cut }}
        first_at,
        last_at

    from bins

    semi join neighbours using ({{ lane }}, bin)

),

breaks as (

    select
        *,
        {{ is_chain_break }} as is_chain_break,
        {{ 'cut_at is distinct from lag(cut_at) over lane_bins' if cut else 'false' }} as is_cut

    from neighbouring_bins

    window lane_bins as (partition by {{ lane }} order by first_at)

),

-- a window reads what a filter leaves out again at every row, and a case once
numbered_bins as (

    select
        {{ lane }},
        first_at,
        count(case when is_chain_break or is_cut then 1 end) over up_to_here as session_number,
        count(case when is_chain_break then 1 end) over up_to_here as chain_number

    from breaks

    window up_to_here as (partition by {{ lane }} order by first_at)

),

sessions_of_bins as (

    select
        {{ lane }},
        chain_number,
        min(first_at) as started_at,
        max(ended_at) as ended_at,
        max(last_at) as last_at,
        sum(events) as events,
        sum(passive_events) as passive_events,
        sum(page_views) as page_views,
        sum(interactions) as interactions,
        sum(activity_events) as activity_events,
        bool_or(is_bot) as is_bot,
        bit_xor(content_hash) as content_hash,
        bit_xor(active_hash) as active_hash,
        {{ 'arg_min(anonymous_id, first_at)' if spans_devices else 'max(anonymous_id)' }} as anonymous_id,
        arg_min(user_id, first_at) as user_id,
        arg_min(account_id, first_at) as account_id,
        arg_min(origin, first_at) as origin,
        arg_min(entry_page, first_at) as entry_page,
        arg_max(exit_page, first_at) as exit_page,
        arg_min(referrer, first_at) as referrer,
        arg_min(utm, first_at) as utm

    from bins

    inner join numbered_bins using ({{ lane }}, first_at)

    group by {{ lane }}, chain_number, session_number

    union all by name

    select
        * exclude ({{ cut }}bin, first_at),
        -- a chain of its own, numbered apart from those that are counted
        -bin as chain_number,
        first_at as started_at

    from bins

    anti join numbered_bins using ({{ lane }}, first_at)

),

session_rows as (

    select
        *,
        {{ "nullif(client_session, '')" if trust_client_sessions else 'cast(null as varchar)' }} as client_session_id

    from sessions_of_bins

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
    last_at as chain_ended_at,
    {% else %}
    min(started_at) over (partition by stream_id, client_session_id, chain_number) as chain_started_at,
    max(last_at) over (partition by stream_id, client_session_id, chain_number) as chain_ended_at,
    {% endif %}
    (epoch_us(ended_at) - epoch_us(started_at)) / 1000000 as duration_seconds,
    cast(events as bigint) as events,
    cast(passive_events as bigint) as passive_events,
    cast(page_views as bigint) as page_views,
    cast(interactions as bigint) as interactions,
    cast(activity_events as bigint) as activity_events,
    page_views = 1 and interactions = 0 and epoch_us(ended_at) - epoch_us(started_at) < {{ bounce_max_us }} as is_bounce,
    coalesce(is_bot, false) as is_bot,
    content_hash,
    active_hash

from session_rows
{%- endmacro %}

{#- What a session is one of: the device stream, or for a client's session that spans devices the app with the client's id. -#}
{%- macro session_stream(trust_client_sessions, client_session_scope, events='') -%}
{%- if trust_client_sessions and client_session_scope == 'app' -%}
case when {{ events }}session_id is null then {{ events }}stream_id
else xor(md5_number_lower('session ' || {{ events }}session_id), hash({{ events }}app)) end
{%- else -%}
{{ events }}stream_id
{%- endif -%}
{%- endmacro -%}
