"""What the collector says of itself to those who do not ask it by HTTP: Dagster, `footfall status`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingest.collector.spool import OPEN, SEALED, spool_dir
from ingest.landing.batches import BatchReceipt

# what lands from the spool is a source of this folder
RECEIVED = "received"


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


def spooled(home: Path) -> tuple[int, int]:
    """How many files, and bytes, were received and wait to land."""
    sizes = []
    for path in spool_dir(home).glob("*/*"):
        if path.suffix in (OPEN, SEALED):
            try:
                sizes.append(path.stat().st_size)
            except FileNotFoundError:  # it has landed since it was listed
                continue
    return len(sizes), sum(sizes)


def protocol_of(batch: BatchReceipt) -> str | None:
    """By which protocol a batch was received; None where it came from a file."""
    folder, _, rest = batch.source.name.partition("/")
    return rest.partition("/")[0] if folder == RECEIVED and "/" in rest else None


def _path(home: Path) -> Path:
    return spool_dir(home) / "collector.json"
