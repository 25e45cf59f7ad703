-- the events of the day's sessions
create or replace temp table generated as
with numbered as (
    select *, unnest(range(1, events + 1)) as i from sessions
),
keyed as (
    select *, hash(s, i) as e from numbered
),
timed as (
    select *,
        started_at + to_milliseconds(sum(case when i = 1 then 0 else least(7200000, 1000 * exp(2.9 + 1.3 * normal('gap', e, 0)))::bigint end)
            over (partition by s order by i)::bigint) as occurred_at,
        floor(2000 ** draw('page', e, 0))::int as page,
        draw('name', e, 0) as mix,
        draw('value', e, 0) as v,
        draw('late', e, 0) as lateness
    from keyed
),
named as (
    select *,
        case
            when identifies_by is not null and i = least(identifies_at, events) then identifies_by
            when i = 1 or mix < 0.46 then 'page_view'
            when mix < 0.66 then 'click'
            when mix < 0.75 then 'scroll'
            when mix < 0.82 then 'search'
            when mix < 0.90 then 'product_view'
            when mix < 0.94 then 'add_to_cart'
            when mix < 0.955 then 'checkout_start'
            when mix < 0.97 and own_user = session_user then 'purchase'
            when mix < 0.98 then 'video_play'
            when mix < 0.985 then 'share'
            when mix < 0.99 then 'feedback_submit'
            else 'error_shown'
        end as event_name
    from timed
)
select
    md5(e::varchar)::uuid::varchar as event_id,
    event_name,
    occurred_at,
    -- two in a hundred are late, by a day on average and by thirty at most
    occurred_at + case
        when lateness < 0.02 then to_seconds(least(30, -1.2 * ln(draw('days', e, 0) + 1e-12)) * 86400)
        else to_milliseconds((300 + 2000 * v)::bigint)
    end as received_at,
    case
        when identifies_by is null then session_user when i >= least(identifies_at, events) then own_user
    end as user_id,
    anonymous_id,
    session_id,
    account_id,
    app,
    case event_name
        when 'page_view' then '{"page_id":"p' || page || '","category":"c' || page % 23 || '","load_ms":' || (80 + v * 900)::int || '}'
        when 'click' then '{"element":"button_' || page % 61 || '","position":' || (v * 12)::int || '}'
        when 'scroll' then '{"page_id":"p' || page || '","depth_percent":' || (v * 100)::int || '}'
        when 'search' then '{"query":"term ' || page || '","results":' || (v * v * 400)::int || ',"filtered":' || (v < 0.3) || '}'
        when 'product_view' then '{"product_id":"sku_' || page || '","amount_cents":' || (300 + page * 7) || ',"currency":"' || currency || '"}'
        when 'add_to_cart' then '{"product_id":"sku_' || page || '","quantity":' || (1 + v * 3)::int || ',"amount_cents":' || (300 + page * 7) || ',"currency":"' || currency || '"}'
        when 'checkout_start' then '{"order_id":"o' || s % 1000000007 || '","amount_cents":' || (500 + v * 20000)::int || ',"currency":"' || currency || '"}'
        when 'purchase' then '{"order_id":"o' || s % 1000000007 || '","amount_cents":' || (500 + v * 20000)::int || ',"currency":"' || currency || '","quantity":' || (1 + v * 4)::int || '}'
        when 'login' then '{"method":"' || pick(['password', 'google', 'apple'], v) || '","mfa":' || (v < 0.2) || '}'
        when 'signup' then '{"method":"' || pick(['password', 'google', 'apple'], v) || '","plan":"' || pick(['free', 'free', 'pro'], v) || '"}'
        when 'feedback_submit' then '{"score":' || (v * 10)::int || ',"wave":"q' || (1 + $day // 90) || '"}'
        else '{"item":"i' || page || '","value":' || (v * 1000)::int || '}'
    end as properties,
    'https://shop.example/' || pick(['home', 'list', 'item', 'blog', 'help'], (page * 7 % 10) / 10) || '/' || page as page_url,
    case when event_name = 'page_view' then 'Page ' || page end as page_title,
    case when i = 1 and source < 0.55 then
        pick(['https://www.google.com/', 'https://www.google.com/', 'https://www.bing.com/', 'https://t.co/x', 'https://www.facebook.com/', 'https://news.example/a'], source / 0.55)
    end as referrer,
    case when i = 1 and source < 0.3 then pick(['google', 'google', 'newsletter', 'facebook', 'partner'], source / 0.3) end as utm_source,
    case when i = 1 and source < 0.3 then pick(['cpc', 'organic', 'email', 'paid_social', 'affiliate'], source / 0.3) end as utm_medium,
    case when i = 1 and source < 0.3 then 'campaign_' || page % 40 end as utm_campaign,
    case when i = 1 and source < 0.06 then 'term ' || page % 200 end as utm_term,
    case when i = 1 and source < 0.06 then 'creative_' || page % 8 end as utm_content,
    device_type, os, browser, country, region, city, locale, user_agent, ip,
    case app when 'web' then 'web-2.4.1' else 'mobile-1.9.0' end as library,
    case when source > 0.97 then '{"screen_width":' || (320 + device % 1600) || '}' end as context_other,
    e
from named
