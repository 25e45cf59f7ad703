"""One writer at a time: whoever builds, publishes or rolls back holds the home's build lock.

Who gathers or forgets persons holds another, beside which others may build.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout


class HomeIsBusyError(Exception):
    """Another process does in this home what nobody else may do meanwhile."""


@contextmanager
def build_lock(home: Path, doing: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the home's build lock for the time of the block.

    Args:
        home: the folder of all state; made when it is missing.
        doing: what for, shown to whoever finds the home busy, such as "footfall build".
        wait_seconds: how long to wait for another holder.

    Raises:
        HomeIsBusyError: naming the holder, when it does not let go in time.
    """
    with _held(home, "build", doing, wait_seconds):
        yield


@contextmanager
def persons_lock(home: Path, doing: str) -> Iterator[None]:
    """Hold the lock of who gathers or forgets persons: what is gathered while they are forgotten would outlast them.

    Raises:
        HomeIsBusyError: naming who holds it.
    """
    with _held(home, "persons", doing, 0.0):
        yield


@contextmanager
def _held(home: Path, name: str, doing: str, wait_seconds: float) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(home / f".{name}.lock"), home / f".{name}.holder"
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=0.2)
    except Timeout:
        raise HomeIsBusyError(
            f"{home} is busy: {_describe(holder)}. Wait until it ends, or stop it, and run this again."
        ) from None
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        holder.write_text(json.dumps({"pid": os.getpid(), "doing": doing, "since": now}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def is_locked(home: Path) -> bool:
    """Whether somebody builds or publishes in a home now."""
    lock = FileLock(home / ".build.lock")
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def who_builds(home: Path) -> str | None:
    """Who builds or publishes in a home now, in words; None where nobody does."""
    return _describe(home / ".build.holder") if is_locked(home) else None


def _describe(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text())
        return f"`{told['doing']}` (process {told['pid']}) has been running in it since {told['since']}"
    except (OSError, ValueError, KeyError):
        return "another process holds its lock"
