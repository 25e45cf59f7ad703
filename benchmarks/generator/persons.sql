-- who they are: how active, for how long, on how many devices, and when they sign up
create or replace table persons as
select
    range as person,
    range // $arrivals - $days_before as first_day,
    least(0.95, 0.03 * draw('activity', range, $seed) ** -0.7) as activity,
    case when draw('stays', range, $seed) < 0.4 then 0 else exp(3.7 + 1.5 * normal('life', range, $seed)) end as lifetime,
    case when draw('signs_up', range, $seed) < 0.55 then floor(-4 * ln(draw('sign_up', range, $seed) + 1e-12)) end
        as days_to_signup,
    1 + floor(-0.7 * ln(draw('devices', range, $seed) + 1e-12))::int as devices,
    skewed([
            'US', 'DE', 'GB', 'FR', 'IN', 'BR', 'JP', 'CA', 'NL', 'ES', 'IT', 'AU', 'MX', 'PL',
            'SE', 'KR', 'TR', 'ID', 'AR', 'CH', 'BE', 'AT', 'DK', 'NO', 'FI', 'PT', 'IE', 'CZ',
            'ZA', 'NZ', 'SG', 'IL', 'GR', 'RO', 'HU', 'CL', 'CO', 'TH', 'VN', 'PH'
        ], draw('country', range, $seed)) as country,
    (draw('zone', range, $seed) * 24)::int as utc_offset
from range($persons)
