"""Where things lie in a home, and how a file gets there: written once, synced, renamed into place."""

import os
import secrets
import threading
from datetime import UTC, datetime
from pathlib import Path

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
