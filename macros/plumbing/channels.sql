{#-
    Google Analytics 4's default channel group of a session from its UTM parameters and referrer, by the public rules, in their order.
    `category` is the source's entry in the seed traffic_sources.
-#}
{% macro channel_group(source, medium, campaign, category) -%}
    case
        when coalesce({{ source }}, '(direct)') = '(direct)' and coalesce({{ medium }}, '(none)') in ('(none)', '(not set)') then 'Direct'
        when {{ campaign }} like '%cross-network%' then 'Cross-network'
        when
            ({{ category }} = 'shopping' or regexp_matches({{ campaign }}, '^(.*(([^a-df-z]|^)shop|shopping).*)$'))
            and regexp_matches({{ medium }}, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Shopping'
        when {{ category }} = 'search' and regexp_matches({{ medium }}, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Search'
        when {{ category }} = 'social' and regexp_matches({{ medium }}, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Social'
        when {{ category }} = 'video' and regexp_matches({{ medium }}, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Video'
        when {{ medium }} in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'Display'
        when regexp_matches({{ medium }}, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Other'
        when {{ category }} = 'shopping' or regexp_matches({{ campaign }}, '^(.*(([^a-df-z]|^)shop|shopping).*)$') then 'Organic Shopping'
        when {{ category }} = 'social' or {{ medium }} in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media') then 'Organic Social'
        when {{ category }} = 'video' or regexp_matches({{ medium }}, '^(.*video.*)$') then 'Organic Video'
        when {{ category }} = 'search' or {{ medium }} = 'organic' then 'Organic Search'
        when {{ medium }} in ('referral', 'app', 'link') then 'Referral'
        when regexp_matches({{ source }}, 'email|e-mail|e_mail|e mail') or regexp_matches({{ medium }}, 'email|e-mail|e_mail|e mail') then 'Email'
        when {{ medium }} = 'affiliate' then 'Affiliates'
        when {{ medium }} = 'audio' then 'Audio'
        when {{ source }} = 'sms' or {{ medium }} = 'sms' then 'SMS'
        when {{ medium }} like '%push' or {{ medium }} like '%mobile%' or {{ medium }} like '%notification%' or {{ source }} = 'firebase' then 'Mobile Push Notifications'
        else 'Unassigned'
    end
{%- endmacro %}

{#-
    The search engine of a referring host by its name in the seed traffic_sources, as Google Analytics names it: google for
    www.google.co.uk, yahoo for uk.search.yahoo.com. Null for any other host, mail.google.com among them.
-#}
{% macro search_engine(host) -%}
    coalesce(
        nullif(regexp_extract(
            {{ host }}, '^(?:(?:m|[a-z]{2})\.)?(google|bing|baidu|yandex|duckduckgo|qwant|ask|sogou)\.(?:com?\.)?[a-z]{2,3}$', 1
        ), ''),
        nullif(regexp_extract(
            {{ host }}, '^(?:[a-z]+\.)?search\.(yahoo|aol|avg|babylon|comcast|conduit|daum|incredimail|lycos|naver)\.(?:com?\.)?[a-z]{2,3}$', 1
        ), '')
    )
{%- endmacro %}

{#-
    Sessions with where they came from, and whether that makes them visits: what an attribution may credit. A visit has a page or screen view,
    or says where it came from; a server's events alone (an order, a webhook) are none.
-#}
{% macro with_traffic(sessions, traffic_sources) -%}
    with

    -- what its events do not say, the address of its entry page may: UTM parameters, and the click id of an advertising platform
    landed_sessions as (

        select
            *,
            {{ click_id('entry_page') | indent(12) }} as click,
            coalesce(utm_source, utm_medium, utm_campaign, utm_term, utm_content) is null
            and regexp_matches(entry_page, '(?i)[?&]utm_') as is_tagged_by_address

        from {{ sessions }}

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
                        then coalesce({{ search_engine('referrer_host') | indent(24) }}, nullif(referrer_host, ''))
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

        left join {{ traffic_sources }} as traffic_sources
            on sessions_with_source.traffic_source = traffic_sources.source

    )

    select
        * exclude (traffic_category),
        {{ channel_group('traffic_source', 'traffic_medium', 'lower(utm_campaign)', 'traffic_category') | indent(8) }} as channel,
        page_views > 0
        or traffic_source != '(direct)'
        or coalesce(utm_source, utm_medium, utm_campaign, utm_term, utm_content) is not null as is_visit

    from sessions_with_medium
{%- endmacro %}
