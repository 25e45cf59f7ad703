-- What events, pages, visits and prices are called, as functions of their values. They are installed beside the readers of values, in the warehouse
-- and in what is published; a change of one builds anew whatever was built with it.

-- a 64-bit key of a text, the same on every machine and in every version; assert_no_two_ids_share_a_key holds that none collide
create or replace macro stable_key(text) as md5_number_lower(text);

-- what finds the copies of an event: two events of an app with one id on one UTC day are one event
create or replace macro event_key(app, event_id, event_date) as hash(app, event_id, event_date);

-- the stream of a landed row by its ids as they are read: of a device in an app, else of a user there, and the two never meet, whatever their ids.
-- The ingest wrote the key of the id beside it; where today's list of what is no id leaves out what an older one took for an id, it is computed anew
create or replace macro stream_key(app, anonymous_id, user_id, landed_id, landed_key) as xor(
    case
        when coalesce(anonymous_id, user_id) = landed_id then landed_key
        else stable_key(coalesce(anonymous_id, user_id))
    end,
    xor(hash(app), cast(anonymous_id is null as ubigint))
);

-- an id with its app's name before it, in which a slash is escaped, so that no two names are one
create or replace macro named_in_app(app, id) as replace(replace(app, '%', '%25'), '/', '%2F') || '/' || id;

-- a hub as a segment names it: ids belong to their app
create or replace macro hub_of(app, location_id) as coalesce(named_in_app(app, location_id), 'unknown');

-- the address of a page without its query and fragment, which tell visits of one page apart
create or replace macro page_of(address) as split_part(split_part(address, '?', 1), '#', 1);

-- a parameter of an address by its name in any case; null where it is blank
create or replace macro url_parameter(url, parameter) as
    nullif(trim(url_decode(replace(regexp_extract(url, '(?i)[?&]' || parameter || '=([^&#]*)', 1), '+', ' '))), '');

-- a page by its address without fragment and query, but for the parameters that tell one page from another
create or replace macro page_name(address, parameters) as page_of(address) || case
    when len(parameters) > 0 and contains(address, '?') then coalesce('?' || nullif(array_to_string(list_filter(list_transform(
        parameters, lambda parameter: parameter || '=' || nullif(regexp_extract(split_part(address, '#', 1), '[?&]' || parameter || '=([^&#]*)', 1), '')
    ), lambda told: told is not null), '&'), ''), '')
    else '' end;


create or replace macro has_parameter(url, parameter) as regexp_matches(url, '(?i)[?&]' || parameter || '=[^&#]');

create or replace macro click(url, parameter, source, medium) as
    struct_pack(parameter := parameter, click_id := url_parameter(url, parameter), source := source, medium := medium);

-- the click id of an advertising platform in the address of an entry page, and what it says of the visit's source and medium. Facebook's and
-- Instagram's ids are on every link, the others on advertisements only; the first that a page has decides
create or replace macro click_id(url) as case
    when not coalesce(has_parameter(
        url, '(gclid|gbraid|wbraid|dclid|msclkid|ttclid|li_fat_id|twclid|rdt_cid|sccid|epik|qclid|yclid|fbclid|igshid)'
    ), false) then null
    when has_parameter(url, 'gclid') then click(url, 'gclid', 'google', 'cpc')
    when has_parameter(url, 'gbraid') then click(url, 'gbraid', 'google', 'cpc')
    when has_parameter(url, 'wbraid') then click(url, 'wbraid', 'google', 'cpc')
    when has_parameter(url, 'dclid') then click(url, 'dclid', 'dfa', 'cpm')
    when has_parameter(url, 'msclkid') then click(url, 'msclkid', 'bing', 'cpc')
    when has_parameter(url, 'ttclid') then click(url, 'ttclid', 'tiktok', 'cpc')
    when has_parameter(url, 'li_fat_id') then click(url, 'li_fat_id', 'linkedin', 'cpc')
    when has_parameter(url, 'twclid') then click(url, 'twclid', 'twitter', 'cpc')
    when has_parameter(url, 'rdt_cid') then click(url, 'rdt_cid', 'reddit', 'cpc')
    when has_parameter(url, 'sccid') then click(url, 'sccid', 'snapchat', 'cpc')
    when has_parameter(url, 'epik') then click(url, 'epik', 'pinterest', 'cpc')
    when has_parameter(url, 'qclid') then click(url, 'qclid', 'quora', 'cpc')
    when has_parameter(url, 'yclid') then click(url, 'yclid', 'yandex', 'cpc')
    when has_parameter(url, 'fbclid') then click(url, 'fbclid', 'facebook', 'social')
    when has_parameter(url, 'igshid') then click(url, 'igshid', 'instagram', 'social')
end;

-- the search engine of a referring host by its name in the seed traffic_sources, as Google Analytics names it: google for www.google.co.uk, yahoo
-- for uk.search.yahoo.com. Null for any other host, mail.google.com among them
create or replace macro search_engine(host) as coalesce(
    nullif(regexp_extract(
        host, '^(?:(?:m|[a-z]{2})\.)?(google|bing|baidu|yandex|duckduckgo|qwant|ask|sogou)\.(?:com?\.)?[a-z]{2,3}$', 1
    ), ''),
    nullif(regexp_extract(
        host, '^(?:[a-z]+\.)?search\.(yahoo|aol|avg|babylon|comcast|conduit|daum|incredimail|lycos|naver)\.(?:com?\.)?[a-z]{2,3}$', 1
    ), '')
);

-- Google Analytics 4's default channel group of a session from its UTM parameters and referrer, by the public rules, in their order; `category` is
-- the source's in the seed traffic_sources
create or replace macro channel_group(source, medium, campaign, category) as case
    when coalesce(source, '(direct)') = '(direct)' and coalesce(medium, '(none)') in ('(none)', '(not set)') then 'Direct'
    when campaign like '%cross-network%' then 'Cross-network'
    when (category = 'shopping' or regexp_matches(campaign, '^(.*(([^a-df-z]|^)shop|shopping).*)$'))
        and regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Shopping'
    when category = 'search' and regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Search'
    when category = 'social' and regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Social'
    when category = 'video' and regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Video'
    when medium in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'Display'
    when regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Other'
    when category = 'shopping' or regexp_matches(campaign, '^(.*(([^a-df-z]|^)shop|shopping).*)$') then 'Organic Shopping'
    when category = 'social' or medium in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media') then 'Organic Social'
    when category = 'video' or regexp_matches(medium, '^(.*video.*)$') then 'Organic Video'
    when category = 'search' or medium = 'organic' then 'Organic Search'
    when medium in ('referral', 'app', 'link') then 'Referral'
    when regexp_matches(source, 'email|e-mail|e_mail|e mail') or regexp_matches(medium, 'email|e-mail|e_mail|e mail') then 'Email'
    when medium = 'affiliate' then 'Affiliates'
    when medium = 'audio' then 'Audio'
    when source = 'sms' or medium = 'sms' then 'SMS'
    when medium like '%push' or medium like '%mobile%' or medium like '%notification%' or source = 'firebase' then 'Mobile Push Notifications'
    else 'Unassigned'
end;

-- assignment to experiments, as ingest/experiments/assignment.py computes it in Python; a test compares them. The two halves of one MD5 decide
-- apart who takes part and as what, so more traffic changes nobody's variant. A number from 0 to 9999: the unit takes part where it is below
-- 100 x traffic_percent
create or replace macro traffic_bucket(experiment, unit) as md5_number_lower(experiment || ':' || unit) % 10000;

-- a number below the sum of the weights: the unit has the variant in whose part of that sum it lies
create or replace macro variant_bucket(experiment, unit, total_weight) as
    md5_number_upper(experiment || ':' || unit) % cast(total_weight as ubigint);

-- what tells the orders of an app apart: an order's id, else the payment that names none; the two may be numbered alike
create or replace macro order_key(order_id, event_id, occurred_at) as
    coalesce('order ' || order_id, 'payment ' || event_id || ' ' || epoch_us(occurred_at));

-- what a customer's or a subscription's month did to MRR; null where nothing changed
create or replace macro mrr_movement(opening, closing, has_paid_before) as case
    when opening = closing then null
    when closing = 0 then 'churn'
    when opening > closing then 'contraction'
    when opening > 0 then 'expansion'
    when has_paid_before then 'reactivation'
    else 'new'
end;

-- a property's value as text; null where it is absent, null or blank, which are one
create or replace macro property_text(json_value) as nullif(trimmed(json_extract_string(json_value, '$')), '');

-- what a property, given as JSON and as text, breaks of the tracking plan: `missing`, `mistyped` or nothing. A text that can be read as the type is
-- of the type, as in every column that a model reads of a property
create or replace macro plan_fault(json_value, sent, planned_type, is_required) as case
    when sent is null then case when is_required then 'missing' end
    when case planned_type
        when 'varchar' then left(json_value, 1) in ('{', '[')
        when 'bigint' then whole_number(sent) is null
        when 'double' then number(sent) is null
        when 'timestamp' then property_instant(sent, 'UTC') is null
        when 'boolean' then lower(sent) not in ('true', 'false')
        when 'json' then coalesce(json_type(try_cast(sent as json)) not in ('OBJECT', 'ARRAY'), true)
    end then 'mistyped'
end;

-- the fault of an amount that keeps it from being money: `currency` is null where its code is none, `unreadable` what was sent as the amount and is
-- no whole number. What is not changed needs no rate
create or replace macro amount_fault(currency, cents, unreadable, rate) as case
    when currency is null then 'unknown_currency'
    when number(unreadable) % 1 != 0 then 'fractional_amount'
    when unreadable is not null then 'unreadable_amount'
    when abs(cents) > 1000000000000000 then 'amount_out_of_range'
    when rate is null and cents is not null then 'missing_rate'
    when cents < 0 then 'negative_amount'
end;

-- a list in which each run of one value stands once
create or replace macro without_repeats(items) as list_filter(items, lambda item, place: place = 1 or items[place - 1] != item);

-- what kind of audience somebody is, by the days of the last 30 on which they were there
create or replace macro audience_kind(active_days, regular_days, loyal_days) as case
    when active_days >= loyal_days then 'loyal'
    when active_days >= regular_days then 'regular'
    when active_days > 0 then 'casual'
    else 'gone'
end;
