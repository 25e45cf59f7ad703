"""Where things lie in a home, and how a file gets there: written once, synced, renamed into place."""

import json
import os
import secrets
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_last_batch_time = datetime.min.replace(tzinfo=UTC)
_batch_lock = threading.Lock()


def events_dir(home: Path) -> Path:
    """The folder of accepted events, one folder per load date."""
    return home / "landing" / "events"


def batches_dir(home: Path) -> Path:
    """The folder of manifests; a batch exists once its manifest does."""
    return home / "landing" / "batches"


def quarantine_dir(home: Path) -> Path:
    """The folder of quarantined rows, one file per batch."""
    return home / "quarantine"


def work_dir(home: Path) -> Path:
    """The folder of loads in progress."""
    return home / "landing" / ".tmp"


def new_batch_id() -> tuple[str, datetime]:
    """Return a sortable batch id, later than any before it in this process, and its UTC time."""
    global _last_batch_time
    with _batch_lock:
        while (now := datetime.now(UTC)) <= _last_batch_time:
            pass
        _last_batch_time = now
    return f"{now:%Y%m%dT%H%M%S_%f}_{secrets.token_hex(3)}", now


def sync_dir(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_file(written: Path, final: Path) -> None:
    """Move a finished file to its place so that it is there whole or not at all, also after a power cut."""
    if not final.parent.is_dir():
        final.parent.mkdir(parents=True, exist_ok=True)
        sync_dir(final.parent.parent)
    with written.open("rb") as file:
        os.fsync(file.fileno())
    written.replace(final)
    sync_dir(final.parent)


def append_lines(path: Path, told: Iterable[object]) -> None:
    """Add to a file of JSON lines, durably; of what a kill cuts short `read_lines` returns the whole ones."""
    # each begins a line of its own, so that one which a kill tore takes no other with it
    text = "".join(f"\n{json.dumps(each)}" for each in told)
    if not text:
        return
    is_first = not path.exists()
    with path.open("a") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if is_first:
        sync_dir(path.parent)


def read_lines(path: Path) -> list[Any]:
    """What the lines of a file of JSON say; none where there is no file, and a line that a kill tore is none."""
    found: list[Any] = []
    with suppress(FileNotFoundError):
        for line in path.read_text().splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
    return found
