"""A seeded generator of realistic product events, vectorised in DuckDB.

A person has a power-law activity, a lifetime, one to four devices and, for a share, a day on which it
signs up; before that day its events carry only the device. A day's events are a function of (seed, day),
so the same day can be put behind a long history and a short one. What arrives late or twice waits in a
table until the day it arrives.

    python -m benchmarks.generate --home /tmp/home --events 2000000 --days 60
    python -m benchmarks.generate --ndjson /tmp/files --events 2000000 --days 60
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

FIRST_DAY = dt.date(2025, 1, 1)
DAYS_BEFORE = 180  # persons who began before the history does, so that day 1 is an ordinary day

CONTEXT = (
    "page_url page_title referrer utm_source utm_medium utm_campaign utm_term utm_content device_type os browser "
    "country region city locale user_agent ip library"
).split()
ENVELOPE = "event_id event_name occurred_at received_at user_id anonymous_id session_id account_id app properties".split()
LANDING = [*ENVELOPE, *CONTEXT, "context_other", "event_date", "content_hash"]

# Two hashes in a row: DuckDB combines hashes by xor, which would correlate draws that differ only in their salt.
MACROS = """
create macro draw(salt, a, b) as (hash(hash(a, b, salt)) >> 11)::double / 9007199254740992;
create macro normal(salt, a, b) as
    sqrt(-2 * ln(draw(salt || '1', a, b) + 1e-12)) * cos(2 * pi() * draw(salt || '2', a, b));
create macro pick(items, u) as items[1 + floor(u * len(items))::int];
create macro skewed(items, u) as items[1 + floor(len(items) ** u - 1)::int];
"""

COUNTRIES = (
    "US DE GB FR IN BR JP CA NL ES IT AU MX PL SE KR TR ID AR CH BE AT DK NO FI PT IE CZ ZA NZ SG IL GR RO HU CL CO TH VN PH"
).split()

PERSONS = """
create or replace table persons as
select
    range as person,
    range // $arrivals - $days_before as first_day,
    least(0.95, 0.03 * draw('activity', range, $seed) ** -0.7) as activity,
    case when draw('stays', range, $seed) < 0.4 then 0 else exp(3.7 + 1.5 * normal('life', range, $seed)) end as lifetime,
    case when draw('signs_up', range, $seed) < 0.55 then floor(-4 * ln(draw('sign_up', range, $seed) + 1e-12)) end
        as days_to_signup,
    1 + floor(-0.7 * ln(draw('devices', range, $seed) + 1e-12))::int as devices,
    skewed({countries}, draw('country', range, $seed)) as country,
    (draw('zone', range, $seed) * 24)::int as utc_offset
from range($persons)
"""

ACTIVE = """
create or replace temp table active as
select *, first_day + days_to_signup <= $day as is_known
from persons
where first_day = $day
    or first_day < $day and first_day + lifetime >= $day
    and draw('active', person, $seed + $day * 1000003) < activity * case when ($day + 2) % 7 in (5, 6) then 0.75 else 1 end
"""

SESSIONS = """
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
    timestamp '{first_day}' + to_days($day::int)
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
"""

EVENTS = """
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
        when 'page_view' then '{{"page_id":"p' || page || '","category":"c' || page % 23 || '","load_ms":' || (80 + v * 900)::int || '}}'
        when 'click' then '{{"element":"button_' || page % 61 || '","position":' || (v * 12)::int || '}}'
        when 'scroll' then '{{"page_id":"p' || page || '","depth_percent":' || (v * 100)::int || '}}'
        when 'search' then '{{"query":"term ' || page || '","results":' || (v * v * 400)::int || ',"filtered":' || (v < 0.3) || '}}'
        when 'product_view' then '{{"product_id":"sku_' || page || '","amount_cents":' || (300 + page * 7) || ',"currency":"' || currency || '"}}'
        when 'add_to_cart' then '{{"product_id":"sku_' || page || '","quantity":' || (1 + v * 3)::int || ',"amount_cents":' || (300 + page * 7) || ',"currency":"' || currency || '"}}'
        when 'checkout_start' then '{{"order_id":"o' || s % 1000000007 || '","amount_cents":' || (500 + v * 20000)::int || ',"currency":"' || currency || '"}}'
        when 'purchase' then '{{"order_id":"o' || s % 1000000007 || '","amount_cents":' || (500 + v * 20000)::int || ',"currency":"' || currency || '","quantity":' || (1 + v * 4)::int || '}}'
        when 'login' then '{{"method":"' || pick(['password', 'google', 'apple'], v) || '","mfa":' || (v < 0.2) || '}}'
        when 'signup' then '{{"method":"' || pick(['password', 'google', 'apple'], v) || '","plan":"' || pick(['free', 'free', 'pro'], v) || '"}}'
        when 'feedback_submit' then '{{"score":' || (v * 10)::int || ',"wave":"q' || (1 + $day // 90) || '"}}'
        else '{{"item":"i' || page || '","value":' || (v * 1000)::int || '}}'
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
    case when source > 0.97 then '{{"screen_width":' || (320 + device % 1600) || '}}' end as context_other,
    e
from named
"""

# A copy is sent again an hour later on average; a rival has the id of another event and other content.
COPIES = """
create or replace temp table arriving as
select *, 'event' as kind from generated
union all by name
select * replace (received_at + to_seconds(-20000 * ln(draw('again', e, 0) + 1e-12)) as received_at), 'copy' as kind
from generated where draw('copy', e, 0) < 0.01
union all by name
select * replace (received_at + interval 3 second as received_at, event_name || '_retry' as page_title), 'rival' as kind
from generated where draw('rival', e, 0) < 0.0005
"""


@dataclass(frozen=True)
class Batch:
    """One arrival day: its date, and the relation in `connection` that holds its events with their `kind`."""

    day: dt.date
    connection: duckdb.DuckDBPyConnection
    relation: str = "batch"


def _fill(sql: str, **values: int) -> str:
    """SQL with its $names replaced by integers: literals let DuckDB fold what depends on them."""
    for name in sorted(values, key=len, reverse=True):
        sql = sql.replace(f"${name}", f"{values[name]}::bigint")
    return sql


def _arrivals_per_day(con: duckdb.DuckDBPyConnection, events_per_day: float, seed: int) -> int:
    """New persons a day that give `events_per_day`, from the events of one trial day."""
    trial = 300
    _persons(con, trial, 1, seed)
    _sessions(con, 0, seed)
    (events,) = con.execute("select sum(events) from sessions").fetchone() or (1,)
    return max(1, round(trial * events_per_day / events))


def _persons(con: duckdb.DuckDBPyConnection, arrivals: int, days: int, seed: int) -> None:
    sql = PERSONS.format(countries=COUNTRIES)
    con.execute(_fill(sql, arrivals=arrivals, days_before=DAYS_BEFORE, persons=arrivals * (DAYS_BEFORE + days), seed=seed))


def _sessions(con: duckdb.DuckDBPyConnection, day: int, seed: int) -> None:
    con.execute(_fill(ACTIVE, day=day, seed=seed))
    con.execute(_fill(SESSIONS.format(first_day=FIRST_DAY), day=day, seed=seed))


def batches(events: int, days: int, seed: int = 7, extra_days: int = 0) -> Iterator[Batch]:
    """Yield one batch per day of arrival, `days + extra_days` of them; `events` is what `days` days hold."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
    con.execute(MACROS)
    arrivals = _arrivals_per_day(con, events / days, seed)
    _persons(con, arrivals, days + extra_days, seed)
    con.execute("create temp table waiting as select null::integer as nothing limit 0")
    for day in range(days + extra_days):
        _sessions(con, day, seed)
        con.execute(_fill(EVENTS.format(), day=day))
        con.execute(COPIES)
        if day == 0:
            con.execute("create or replace temp table waiting as from arriving limit 0")
        date = FIRST_DAY + dt.timedelta(days=day)
        con.execute("insert into waiting by name from arriving")
        con.execute(f"create or replace temp table batch as from waiting where received_at < date '{date}' + 1")
        con.execute(f"create or replace temp table waiting as from waiting where received_at >= date '{date}' + 1")
        yield Batch(date, con)
    con.close()


def write_landing(batch: Batch, home: Path) -> dict[str, Any]:
    """Land one batch as the loader would: Parquet in time order, then its manifest; return the manifest."""
    con = batch.connection
    token = hashlib.sha256(f"{batch.day}".encode()).hexdigest()
    loaded_at = dt.datetime.combine(batch.day + dt.timedelta(days=1), dt.time(0, 5))
    batch_id = f"{loaded_at:%Y%m%dT%H%M%S_%f}_{token[:6]}"
    folder = home / "landing" / "events" / f"load_date={loaded_at:%Y-%m-%d}"
    folder.mkdir(parents=True, exist_ok=True)
    (home / "landing" / "batches").mkdir(parents=True, exist_ok=True)
    path = folder / f"{batch_id}.parquet"
    hashed = ", ".join(c for c in LANDING[:-2] if c != "received_at")
    con.execute(
        f"""copy (
            select {", ".join(LANDING[:-2])}, occurred_at::date as event_date, hash({hashed}) as content_hash
            from batch where kind <> 'copy' order by occurred_at, event_id
        ) to '{path}' (format parquet, compression zstd)"""
    )
    row = con.execute(
        """select count(*), count(*) filter (where kind <> 'copy'), min(occurred_at)::date, max(occurred_at)::date from batch"""
    ).fetchone()
    assert row is not None
    received, accepted, first, last = row
    manifest: dict[str, Any] = {
        "batch_id": batch_id,
        "load_date": f"{loaded_at:%Y-%m-%d}",
        "path": str(path.relative_to(home)),
        "source": {
            "name": f"{batch.day}.ndjson",
            "sha256": token,
            "bytes": path.stat().st_size,
            "format": "ndjson",
            "mapping": None,
        },
        "app": "default",
        "received": received,
        "accepted": accepted,
        "duplicate": received - accepted,
        "quarantined": 0,
        "quarantined_by_reason": {},
        "min_event_date": f"{first}",
        "max_event_date": f"{last}",
        "loaded_at": f"{loaded_at.isoformat()}Z",
        "footfall_version": "0.1.0",
    }
    (home / "landing" / "batches" / f"{batch_id}.json").write_text(json.dumps(manifest, indent=2))
    return manifest


def write_ndjson(batch: Batch, folder: Path) -> Path:
    """Write one batch as an NDJSON file of the envelope, absent fields left out, in order of arrival."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{batch.day}.ndjson"
    fields = [f"'{c}', {c}" for c in ENVELOPE if c not in ("properties", "occurred_at", "received_at")]
    times = [f"'{c}', strftime({c}, '%Y-%m-%dT%H:%M:%S.%gZ')" for c in ("occurred_at", "received_at")]
    context = ", ".join(f"'{c}', {c}" for c in CONTEXT)
    batch.connection.execute(
        f"""copy (
            select json_merge_patch(
                json_object({", ".join([*fields, *times])}),
                json_object('properties', properties::json),
                json_object('context', json_merge_patch(json_object({context}), coalesce(context_other, '{{}}')::json))
            ) as line
            from batch order by received_at, event_id
        ) to '{path}' (format csv, header false, quote '', escape '', delimiter e'\\x01')"""
    )
    return path


def write_home(home: Path, events: int, days: int, seed: int = 7, extra_days: int = 0) -> int:
    """Fill `home/landing` with `days` batches and `<home>.next/landing` with the days after; return events accepted."""
    accepted = 0
    for number, batch in enumerate(batches(events, days, seed, extra_days)):
        target = home if number < days else home.with_name(home.name + ".next")
        accepted += write_landing(batch, target)["accepted"] if number < days else 0 * write_landing(batch, target)["accepted"]
    return accepted


def main() -> None:
    """Parse the command line and generate."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__)
    parser.add_argument("--home", type=Path, help="write landing batches under this home")
    parser.add_argument("--ndjson", type=Path, help="write one NDJSON file a day into this folder")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--extra-days", type=int, default=0, help="days after the history, in <home>.next")
    options = parser.parse_args()
    if not options.home and not options.ndjson:
        parser.error("name --home or --ndjson")
    began = time.perf_counter()
    if options.home:
        accepted = write_home(options.home, options.events, options.days, options.seed, options.extra_days)
        print(f"{accepted:,} events in {options.days} batches under {options.home}, {time.perf_counter() - began:.0f} s")
    if options.ndjson:
        for batch in batches(options.events, options.days, options.seed):
            write_ndjson(batch, options.ndjson)
        print(f"{options.days} files in {options.ndjson}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
