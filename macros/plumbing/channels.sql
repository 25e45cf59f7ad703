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
