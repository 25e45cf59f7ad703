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
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingest import content
from ingest.envelope import CONTEXT_FIELDS, LANDING_COLUMNS, READ_COLUMNS, content_hash

FIRST_DAY = dt.date(2025, 1, 1)
DAYS_BEFORE = 180  # persons who began before the history does, so that day 1 is an ordinary day

SQL = Path(__file__).parent / "generator"


@dataclass(frozen=True)
class Batch:
    """One arrival day: its date, and the connection whose table `batch` holds its events with their `kind`."""

    day: dt.date
    connection: duckdb.DuckDBPyConnection


def _run(con: duckdb.DuckDBPyConnection, step: str, **values: int) -> None:
    """Run generator/<step>.sql with its $names replaced: DuckDB folds what depends on literals alone."""
    sql = (SQL / f"{step}.sql").read_text()
    for name, value in values.items():
        sql = re.sub(rf"\${name}\b", f"({value})::bigint", sql)
    con.execute(sql)


def _persons(con: duckdb.DuckDBPyConnection, arrivals: int, days: int, seed: int) -> None:
    persons = arrivals * (DAYS_BEFORE + days)
    _run(con, "persons", arrivals=arrivals, days_before=DAYS_BEFORE, persons=persons, seed=seed)


def _sessions(con: duckdb.DuckDBPyConnection, day: int, seed: int) -> None:
    _run(con, "active", day=day, seed=seed)
    _run(con, "sessions", day=day, seed=seed)


def _arrivals_per_day(con: duckdb.DuckDBPyConnection, events_per_day: float, seed: int) -> int:
    """New persons a day that give `events_per_day`, from the events of a trial week."""
    trial, week = 1000, range(7)
    _persons(con, trial, len(week), seed)
    events = 0
    for day in week:
        _sessions(con, day, seed)
        events += con.execute("select sum(events) from sessions").fetchall()[0][0]
    return max(1, math.ceil(1.02 * trial * events_per_day * len(week) / events))


def batches(events: int, days: int, seed: int = 7, extra_days: int = 0) -> Iterator[Batch]:
    """Yield one batch per day of arrival, `days + extra_days` of them; the first `days` hold about `events`."""
    con = duckdb.connect()
    con.execute(content.MACROS)
    con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
    con.execute(f"set variable first_day = timestamp '{FIRST_DAY}'")
    _run(con, "macros")
    arrivals = _arrivals_per_day(con, events / days, seed)
    _persons(con, arrivals, days + extra_days, seed)
    for day in range(days + extra_days):
        _sessions(con, day, seed)
        _run(con, "events", day=day)
        _run(con, "arriving")
        if day == 0:
            con.execute("create temp table waiting as from arriving limit 0")
        date = FIRST_DAY + dt.timedelta(days=day)
        both = "(from arriving union all by name from waiting)"
        con.execute(f"create or replace temp table batch as from {both} where received_at < date '{date}' + 1")
        con.execute(f"create or replace temp table waiting as from {both} where received_at >= date '{date}' + 1")
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
    derived = {
        "event_date": "occurred_at::date",
        "content_hash": content_hash("event_id"),
        "stream_id": "md5_number_lower(coalesce(anonymous_id, user_id))",
        "corrected_date": "null::date",
        "timezone": "null::varchar",
        **{column: f"null::{LANDING_COLUMNS[column]}" for column in READ_COLUMNS},
    }
    columns = ", ".join(f"{derived.get(column, column)} as {column}" for column in LANDING_COLUMNS)
    con.execute(
        f"""copy (select {columns} from batch where kind <> 'copy' order by occurred_at, event_id, content_hash)
        to '{path}' (format parquet, compression zstd)"""
    )
    row = con.execute(
        """select count(*), count(*) filter (where kind <> 'copy'), min(occurred_at)::date, max(occurred_at)::date
        from batch"""
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
        "content_version": content.VERSION,
    }
    (home / "landing" / "batches" / f"{batch_id}.json").write_text(json.dumps(manifest, indent=2))
    return manifest


def write_ndjson(connection: duckdb.DuckDBPyConnection, relation: str, path: Path) -> None:
    """Write a relation's events as an NDJSON file of the envelope, absent fields left out, in order of arrival."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = ("event_id", "event_name", "user_id", "anonymous_id", "session_id", "account_id", "app")
    fields = [f"'{field}', {field}" for field in texts]
    fields += [f"'{field}', strftime({field}, '%Y-%m-%dT%H:%M:%S.%gZ')" for field in ("occurred_at", "received_at")]
    context = ", ".join(f"'{field}', {field}" for field in CONTEXT_FIELDS)
    connection.execute(
        f"""copy (
            select json_merge_patch(
                json_object({", ".join(fields)}),
                json_object('properties', properties::json),
                json_object('context', json_merge_patch(json_object({context}), coalesce(context_other, '{{}}')::json))
            ) as line
            from {relation} order by received_at, event_id
        ) to '{path}' (format csv, header false, quote '', escape '', delimiter e'\\x01')"""
    )


def write_home(home: Path, events: int, days: int, seed: int = 7, extra_days: int = 0) -> int:
    """Fill `home/landing` with `days` batches and `<home>.next/landing` with the days after; return events accepted."""
    accepted = 0
    for number, batch in enumerate(batches(events, days, seed, extra_days)):
        target = home if number < days else home.with_name(home.name + ".next")
        manifest = write_landing(batch, target)
        accepted += manifest["accepted"] if number < days else 0
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
        print(
            f"{accepted:,} events in {options.days} batches under {options.home}, {time.perf_counter() - began:.0f} s"
        )
    if options.ndjson:
        for batch in batches(options.events, options.days, options.seed):
            write_ndjson(batch.connection, "batch", options.ndjson / f"{batch.day}.ndjson")
        print(f"{options.days} files in {options.ndjson}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
