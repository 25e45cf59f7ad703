"""The spool: what was received, on disk before it is acknowledged, until the loader has landed it."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from ingest.landing.paths import sync_dir

OPEN, SEALED = ".open", ".ndjson"
LOCK = ".lock"
# how many lines one call of the system takes
BUFFERS = 512
# a group is whole when the loop has turned so often without another request (one turn reads it, the next handles it),
# and at the latest after so long
QUIET_TURNS, GATHER_SECONDS = 2, 0.005
# how long those who seal what another left may hold the lock
LEFTOVERS_SECONDS = 2.0
# in JSON they part nothing but its own words, and in the spool lines
_NEWLINES = bytes.maketrans(b"\n\r", b"  ")


def spooled(
    kept: bytes,
    events: int,
    receipt_id: str,
    app: str,
    path: str,
    user_agent: str | None = None,
    ip: str | None = None,
    **more: str,
) -> bytes:
    """The line of what was received now: JSON that may be kept, and what the projection is to know beside it."""
    told = {
        "holds": events,  # first, as `state.HOLDS` reads it
        "receipt_id": receipt_id,
        "received_at": datetime.now(UTC),
        "app": app,
        "path": path,
        "user_agent": user_agent,
        "ip": ip,
        **more,
    }
    if b"\n" in kept or b"\r" in kept:
        kept = kept.translate(_NEWLINES)
    return b"".join((orjson.dumps(told)[:-1], b',"body":', kept, b"}\n"))


class SpoolIsBusy(Exception):
    """More waits to be written than may wait; the sender should come again."""


class SpoolIsTaken(Exception):
    """Another collector receives for this home."""


@dataclass
class _OpenFile:
    path: Path
    descriptor: int
    length: int = 0
    events: int = 0
    began: float = 0.0


@dataclass
class _Waiting:
    protocol: str
    line: bytes
    events: int
    done: asyncio.Future[None]


def spool_dir(home: Path) -> Path:
    """The folder of what was received and has not landed yet, one folder a protocol."""
    return home / "received"


def sealed_files(home: Path) -> list[tuple[str, Path]]:
    """Files that wait for the loader, each with its protocol, oldest first."""
    found = [(path.parent.name, path) for path in spool_dir(home).glob(f"*/*{SEALED}")]
    return sorted(found, key=lambda each: each[1].name)


def seal_leftovers(home: Path) -> None:
    """Seal what a killed collector left open; what one that is at work holds open is its own."""
    folder = spool_dir(home)
    if next(folder.glob(f"*/*{OPEN}"), None) is None:
        return
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    try:
        _seal_leftovers(folder)
    finally:
        lock.release()


class Spool:
    """Appends lines and says when they are on disk: many requests share one sync (group commit).

    Memory is bounded: beyond `max_waiting_bytes` a line is refused with SpoolIsBusy.
    """

    def __init__(self, home: Path, max_waiting_bytes: int) -> None:
        self.home, self.max_waiting_bytes = home, max_waiting_bytes
        self.waiting_bytes = 0
        self._waiting: list[_Waiting] = []
        self._files: dict[str, _OpenFile] = {}
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._closing = False
        folder = spool_dir(home)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / LOCK)
        try:
            self._lock.acquire(timeout=LEFTOVERS_SECONDS)
        except Timeout:
            raise SpoolIsTaken(
                f"Another `footfall serve` receives for {home}. Stop it, or set FOOTFALL_HOME to another folder."
            ) from None
        _seal_leftovers(folder)

    @property
    def waiting(self) -> int:
        """How many requests wait for the disk."""
        return len(self._waiting)

    async def append(self, protocol: str, line: bytes, events: int) -> None:
        """Return when the line is on disk.

        Raises:
            SpoolIsBusy: when too much is waiting.
            OSError: when the disk does not take it; nothing of the line is kept.
        """
        if self.waiting_bytes + len(line) > self.max_waiting_bytes and self._waiting:
            raise SpoolIsBusy("Too much waits for the disk.")
        waiting = _Waiting(protocol, line, events, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self.waiting_bytes += len(line)
        self._wake.set()
        await waiting.done

    def start(self) -> None:
        """Begin to write, in a task of the running loop."""
        self._writer = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._gather()
                group, self._waiting = self._waiting, []
                failed = await loop.run_in_executor(self._disk, self._write, group)
                for each in group:
                    self.waiting_bytes -= len(each.line)
                    if not each.done.done():
                        error = failed.get(each.protocol)
                        each.done.set_exception(error) if error else each.done.set_result(None)
            if self._closing:
                return

    async def _gather(self) -> None:
        """Return when the loop has read what has come by now, so that all who send at once share a sync."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + GATHER_SECONDS
        seen, quiet = len(self._waiting), 0
        while quiet < QUIET_TURNS and loop.time() < latest:
            await asyncio.sleep(0)
            seen, quiet = len(self._waiting), quiet + 1 if len(self._waiting) == seen else 0

    async def seal(self, min_events: int, max_age_seconds: float) -> int:
        """Close the files that hold enough, or have been open long enough; return how many events they hold."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, self._seal, min_events, max_age_seconds)

    async def close(self) -> None:
        """Write what waits and close every file for the loader."""
        self._closing = True
        self._wake.set()
        if self._writer:
            await self._writer
        await self.seal(0, 0)
        self._disk.shutdown()
        self._lock.release()

    def _write(self, group: list[_Waiting]) -> dict[str, OSError]:
        by_protocol: dict[str, list[_Waiting]] = {}
        for each in group:
            by_protocol.setdefault(each.protocol, []).append(each)
        failed: dict[str, OSError] = {}
        for protocol, lines in by_protocol.items():
            file = None
            try:
                file = self._files.get(protocol) or self._open(protocol)
                written = _write_whole(file.descriptor, [each.line for each in lines])
                os.fdatasync(file.descriptor)
                file.length += written
                file.events += sum(each.events for each in lines)
            except OSError as error:
                failed[protocol] = error
                if file:
                    self._forget_tail(protocol, file)
        return failed

    def _open(self, protocol: str) -> _OpenFile:
        folder = spool_dir(self.home) / protocol
        folder.mkdir(exist_ok=True)
        path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}_{secrets.token_hex(3)}{OPEN}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        sync_dir(folder)
        self._files[protocol] = _OpenFile(path, descriptor, began=time.monotonic())
        return self._files[protocol]

    def _forget_tail(self, protocol: str, file: _OpenFile) -> None:
        """Take back what was written and not acknowledged; a file that cannot be mended is left to the next start."""
        try:
            os.ftruncate(file.descriptor, file.length)
        except OSError:
            os.close(file.descriptor)
            self._files.pop(protocol, None)

    def _seal(self, min_events: int, max_age_seconds: float) -> int:
        sealed = 0
        for protocol, file in list(self._files.items()):
            if not file.length:
                continue
            if file.events >= min_events or time.monotonic() - file.began >= max_age_seconds:
                os.close(file.descriptor)
                del self._files[protocol]
                file.path.rename(file.path.with_suffix(SEALED))
                sealed += file.events
        return sealed


def _write_whole(descriptor: int, lines: list[bytes]) -> int:
    """Write lines, without copying them together first; return how many bytes they have."""
    whole = 0
    for begin in range(0, len(lines), BUFFERS):
        some = lines[begin : begin + BUFFERS]
        written, wanted = os.writev(descriptor, some), sum(map(len, some))
        if written < wanted:
            rest = b"".join(some)
            while written < wanted:
                written += os.write(descriptor, rest[written:])
        whole += wanted
    return whole


def _seal_leftovers(folder: Path) -> None:
    for left in folder.glob(f"*/*{OPEN}"):
        _seal_leftover(left)


def _seal_leftover(path: Path) -> None:
    """Seal what a killed collector left; an unfinished last line was never acknowledged."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        kept, step = size, 2**20
        while kept:
            begin = max(0, kept - step)
            file.seek(begin)
            newline = file.read(kept - begin).rfind(b"\n")
            if newline >= 0:
                kept = begin + newline + 1
                break
            kept = begin
        if kept < size:
            file.truncate(kept)
            os.fsync(file.fileno())
    path.rename(path.with_suffix(SEALED)) if kept else path.unlink()
