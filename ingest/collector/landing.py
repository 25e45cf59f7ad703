"""From the spool into landing, by the loader: its checks, duplicates and quarantine are those of files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.collector.spool import seal_leftovers, sealed_files, spool_dir
from ingest.collector.state import RECEIVED
from ingest.formats.source import UnusableSource
from ingest.landing.batches import BatchReceipt
from ingest.loading import load_file


class LandingFailed(Exception):
    """Some of what was received could not be landed; `receipts` says what was."""

    def __init__(self, message: str, receipts: list[BatchReceipt]) -> None:
        super().__init__(message)
        self.receipts = receipts


def land_received(home: Path) -> list[BatchReceipt]:
    """Load every sealed file, then remove it; a kill between the two repeats nothing, because ids settle it.

    Returns no receipts while another process is at it.

    Raises:
        LandingFailed: when files could not be loaded; they stay, and are tried again; the others have landed.
    """
    receipts: list[BatchReceipt] = []
    if not sealed_files(home):
        return receipts
    lock = _lock(home)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return receipts
    failures: list[str] = []
    try:
        for protocol, path in sealed_files(home):
            try:
                receipts.append(load_file(path, home, protocol, name=f"{RECEIVED}/{protocol}/{path.name}"))
            except UnusableSource as error:
                failures.append(str(error))
            else:
                path.unlink()
    finally:
        lock.release()
    if failures:
        raise LandingFailed("; ".join(failures), receipts)
    return receipts


@contextmanager
def landing_paused(home: Path) -> Iterator[None]:
    """Let nothing that is received land for the time of a with block; it waits in the spool, and may be received."""
    spool_dir(home).mkdir(parents=True, exist_ok=True)
    with _lock(home):
        yield


def _lock(home: Path) -> FileLock:
    return FileLock(spool_dir(home) / ".landing.lock")


def land_leftovers(home: Path) -> list[BatchReceipt]:
    """Land what waits, also what a killed server left, for those who build while none may be running.

    Raises:
        LandingFailed: as `land_received` does.
    """
    seal_leftovers(home)
    return land_received(home)
