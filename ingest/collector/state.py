"""What the collector says of itself to those who do not ask it by HTTP: Dagster, `footfall status`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ingest.collector.spool import LOCK, OPEN, SEALED, spool_dir
from ingest.landing.batches import BatchReceipt

# what lands from the spool is a source of this folder
RECEIVED = "received"
# how a line begins, so that its events are counted without reading it
HOLDS = re.compile(rb'\{"holds":(\d+),')


def write_state(home: Path, told: dict[str, Any]) -> None:
    """Keep what the collector counted, whole or not at all; it is no record, so it is not synced."""
    path = _path(home)
    written = path.with_suffix(".tmp")
    written.write_text(json.dumps(told))
    written.replace(path)


def read_state(home: Path) -> dict[str, Any] | None:
    """What the collector that runs, or ran last, has counted since it started; None where none ever ran."""
    try:
        told: dict[str, Any] = json.loads(_path(home).read_text())
    except FileNotFoundError:
        return None
    return told


def is_receiving(home: Path) -> bool:
    """Whether a collector is at work for a home, whatever it last told."""
    lock = FileLock(spool_dir(home) / LOCK)
    if not spool_dir(home).is_dir():
        return False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


@dataclass(frozen=True)
class Waiting:
    """What was received and waits to land."""

    files: int = 0
    events: int = 0
    bytes: int = 0


def waiting(home: Path) -> Waiting:
    """What waits to land; a line whose end is not written yet is not received."""
    found = Waiting()
    for path in spool_dir(home).glob("*/*"):
        if path.suffix not in (OPEN, SEALED):
            continue
        try:
            with path.open("rb") as file:
                events = sum(int(told[1]) for line in file if (told := HOLDS.match(line)) and line.endswith(b"\n"))
                found = Waiting(found.files + 1, found.events + events, found.bytes + file.tell())
        except FileNotFoundError:  # it has landed since it was listed
            continue
    return found


def protocol_of(batch: BatchReceipt) -> str | None:
    """By which protocol a batch was received; None where it came from a file."""
    folder, _, rest = batch.source.name.partition("/")
    return rest.partition("/")[0] if folder == RECEIVED and "/" in rest else None


def _path(home: Path) -> Path:
    return spool_dir(home) / "collector.json"
