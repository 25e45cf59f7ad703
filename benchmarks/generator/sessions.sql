-- the day's sessions, with everything that stays the same within one
create or replace temp table sessions as
with numbered as (
    select *, person * 64 + unnest(range(1 + least(20, floor(-(0.2 + activity) * ln(draw('n', person, $seed + $day * 1000003) + 1e-12)))::int))
        as session
    from active
),
keyed as (
    select *, hash(session, $seed, $day) as s from numbered
),
on_device as (
    select *,
        -- a quarter of sessions is not on the first device; one in fifty persons shares a neighbour's first device
        case
            when draw('device', s, 0) > 0.25 then 0 else floor(draw('which', s, 0) * least(devices, 4))::int
        end as device_no,
        case when person % 50 = 1 then person - 1 else person end as device_owner,
        draw('private', s, 0) < 0.02 as is_private,
        -- null for a person who never signs up: what the server then sends carries neither id
        draw('server', s, 0) < 0.01 and is_known as is_server,
        is_known and draw('logged_in', s, 0) < 0.8 as is_logged_in
    from keyed
),
with_device as (
    select *, hash(case when device_no = 0 then device_owner else person end, device_no, case when is_private then s end, $seed) as device
    from on_device
)
select
    s, person, device, first_day, is_known,
    case when is_logged_in or is_server then 'u' || lpad((person * 7919 % 100000007)::varchar, 9, '0') end as session_user,
    'u' || lpad((person * 7919 % 100000007)::varchar, 9, '0') as own_user,
    case when not is_server then left(md5(device::varchar), 24) end as anonymous_id,
    -- where a person signs in during the session, events before it carry no user
    case
        when first_day + days_to_signup = $day then 'signup' when is_logged_in and draw('signs_in', s, 0) < 0.3 then 'login'
    end as identifies_by,
    2 + floor(3 * draw('at', s, 0))::int as identifies_at,
    case when person % 9 = 0 then 'acct_' || (person // 9 % 4000) end as account_id,
    md5('session' || s)::uuid::varchar as session_id,
    getvariable('first_day') + to_days($day::int)
        + to_milliseconds((((14 + 4.5 * normal('start', s, 0) + utc_offset + 240) % 24) * 3600000)::bigint) as started_at,
    case when draw('bounce', s, 0) < 0.18 then 1 else least(500, greatest(1, round(exp(2.0 + 0.85 * normal('length', s, 0)))))::int end
        as events,
    country,
    country || '-' || chr(65 + (device % 9)::int) as region,
    'city ' || lower(country) || (device % 31) as city,
    case when device % 10 < 5 then 'desktop' when device % 10 < 9 then 'mobile' else 'tablet' end as device_type,
    case when device % 10 < 5 then pick(['Windows', 'Windows', 'macOS', 'Linux'], draw('os', device, 0))
        else pick(['iOS', 'Android'], draw('os', device, 0)) end as os,
    pick(['Chrome', 'Chrome', 'Chrome', 'Safari', 'Safari', 'Firefox', 'Edge'], draw('browser', device, 0)) as browser,
    case when device % 10 >= 5 and draw('app', device, 0) < 0.5 then 'mobile' else 'web' end as app,
    pick(['en-US', 'en-GB', 'de-DE', 'fr-FR', 'es-ES', 'pt-BR', 'ja-JP', 'hi-IN'], draw('locale', device, 0)) as locale,
    'Mozilla/5.0 (' || os || '; rv:' || (100 + device % 40) || '.0) ' || browser || '/' || (90 + device % 60) || '.0.' || (device % 7) as user_agent,
    '203.' || (device % 254) || '.' || ((device >> 8) % 254) || '.' || ((device >> 16) % 254) as ip,
    draw('source', s, 0) as source,
    pick(['EUR', 'EUR', 'USD', 'USD', 'GBP'], draw('currency', person, 0)) as currency
from with_device
