"""From the spool into landing, by the loader: its checks, duplicates and quarantine are those of files."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from ingest.collector.spool import sealed_files, spool_dir
from ingest.landing.batches import BatchReceipt
from ingest.loading import load_file


def land_received(home: Path) -> list[BatchReceipt]:
    """Load every sealed file, then remove it; a kill between the two repeats nothing, because ids settle it.

    Returns no receipts while another process is at it.

    Raises:
        ingest.formats.source.UnusableSource: when a file cannot be loaded; it stays, and is tried again.
    """
    receipts: list[BatchReceipt] = []
    if not sealed_files(home):
        return receipts
    lock = FileLock(spool_dir(home) / ".landing.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return receipts
    try:
        for protocol, path in sealed_files(home):
            receipts.append(load_file(path, home, protocol, name=f"received/{protocol}/{path.name}"))
            path.unlink()
    finally:
        lock.release()
    return receipts
