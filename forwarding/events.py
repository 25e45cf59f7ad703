# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Which landed events are sent on, in the order of their time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson

from forwarding.destinations.destination import Destination, Event
from forwarding.progress import Place
from forwarding.settings import ForwardingSettings
from ingest.envelope import CONTEXT_FIELDS, ID_FIELDS, literal
from ingest.landing.batches import BatchReceipt
from ingest.landing.paths import batches_dir, events_dir, work_dir
from ingest.settings import names_in

_FIELDS = ("event_id", "event_name", "app", *ID_FIELDS, *CONTEXT_FIELDS)
# a load has its id a moment before it has the folder by which it is seen at work
UNSEEN = timedelta(hours=1)
_SLICE = 10_000


def committed(home: Path) -> list[str]:
    """The ids of landed batches, oldest first."""
    return sorted(path.stem for path in batches_dir(home).glob("*.json") if path.stem[:1].isdigit())


def least_to_come(home: Path) -> str:
    """The least id that a batch may have which is still to be committed."""
    at_work = [folder.name for folder in work_dir(home).glob("*/") if folder.name[:1].isdigit()]
    return min([*at_work, f"{datetime.now(UTC) - UNSEEN:%Y%m%dT%H%M%S_%f}"])


def is_sent_on(batch: BatchReceipt, destination: Destination, settings: ForwardingSettings) -> bool:
    """Whether a batch is for a destination: what came in by its own protocol is not sent back to it."""
    return bool(batch.path) and (settings.forward_back or batch.source.format != destination.vendor)


def events_of(
    home: Path, batch: BatchReceipt, settings: ForwardingSettings, after: Place | None = None
) -> Iterator[Event]:
    """The events of a batch that are sent on, from a place on; none where the batch is gone."""
    wanted = []
    if settings.data_retention_days:
        oldest = datetime.now(UTC) - timedelta(days=settings.data_retention_days)
        wanted.append(f"occurred_at >= timestamp '{oldest:%Y-%m-%d %H:%M:%S}'")
    for column, listed in (("app", settings.forward_apps), ("event_name", settings.forward_events)):
        if names := names_in(listed):
            wanted.append(f"{column} in ({', '.join(map(literal, names))})")
    if after:
        microseconds, event_id, content_hash = after
        place = f"({microseconds}, {literal(event_id)}, {content_hash}::ubigint)"
        wanted.append(f"(epoch_us(occurred_at), event_id, content_hash) > {place}")
    yield from _rows(home, batch, " and ".join(["is_bot is not true", *wanted]))


def events_at(home: Path, batch: BatchReceipt, places: list[Place]) -> Iterator[Event]:
    """The events at some places of a batch, as far as they are still there."""
    listed = ", ".join(f"({time}, {literal(event_id)}, {known}::ubigint)" for time, event_id, known in places)
    yield from _rows(home, batch, f"(epoch_us(occurred_at), event_id, content_hash) in ({listed})")


def place_of(event: Event) -> Place:
    """Where an event lies in its batch."""
    return event["occurred_us"], event["event_id"], event["content_hash"]


def _rows(home: Path, batch: BatchReceipt, condition: str) -> Iterator[Event]:
    file = home / (batch.path or "")
    if not batch.path or not file.exists():
        return
    schema = events_dir(home) / "load_date=0001-01-01" / "schema.parquet"
    query = f"""
        select {", ".join(_FIELDS)}, epoch_us(occurred_at) as occurred_us, epoch_us(received_at) as received_us,
            content_hash, properties
        from read_parquet([{literal(file)}, {literal(schema)}], union_by_name = true, hive_partitioning = false)
        where {condition}
        order by occurred_at, event_id, content_hash"""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'; set threads = 1; set memory_limit = '1GB'")
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        while rows := found.fetchmany(_SLICE):
            for row in rows:
                event = dict(zip(names, row, strict=True))
                yield event | {"properties": _properties(event["properties"])}


def _properties(text: str | None) -> dict[str, Any]:
    try:
        told = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:  # a number beyond a double is sent as the text that it is
        told = json.loads(text or "{}", parse_float=_number, parse_int=_number)
    return told if isinstance(told, dict) else {}


def _number(text: str) -> float | int | str:
    number = float(text)
    if not math.isfinite(number):
        return text
    return number if "." in text or "e" in text.lower() or abs(number) > 2**53 else int(text)
