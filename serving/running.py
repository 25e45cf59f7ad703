"""A work that somebody waits for: told to stop when the last one has left, or when it takes too long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import duckdb
from starlette.requests import Request

# an interrupt that comes between two statements of a work is lost, so that it is said again
AGAIN_SECONDS = 0.05
T = TypeVar("T")


class LeftError(Exception):
    """Who asked has gone, while others wait for the same."""


class Running:
    """What a thread reads, which can be told to stop.

    Attributes:
        is_stopped: whether it was told to.
        is_late: whether it was, because it took too long.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self.is_stopped = self.is_late = False

    @contextmanager
    def of(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """For the time of a block, this is what runs; afterwards the cursor is somebody else's.

        Raises:
            duckdb.InterruptException: when it was told to stop before it began.
        """
        with self._lock:
            if self.is_stopped:
                raise duckdb.InterruptException("stopped before it began")
            self._cursor = cursor
        try:
            yield
        finally:
            with self._lock:
                self._cursor = None

    def stop(self) -> None:
        """Interrupt what the thread reads."""
        with self._lock:
            self.is_stopped = True
            if self._cursor is not None:
                self._cursor.interrupt()


class Awaited(Generic[T]):
    """One work for all who wait for it, in a loop."""

    def __init__(self, begin: Callable[[Running], Awaitable[T]], seconds: float) -> None:
        """Begin.

        Args:
            begin: does it in a thread, and says by what it is given what it reads.
            seconds: how long it may take.
        """
        self._running = Running()
        self._until = asyncio.get_running_loop().time() + seconds
        self._done = asyncio.ensure_future(begin(self._running))
        self._waiting = 0

    @property
    def is_under_way(self) -> bool:
        """Whether who asks for the same may wait for it too."""
        return not (self._done.done() or self._running.is_stopped)

    async def result(self, request: Request) -> T:
        """What comes of it, for who sent this request, whose body has been read.

        Raises:
            LeftError: when that one has gone.
            duckdb.InterruptException: when all have gone, or it takes too long.
        """
        left = asyncio.ensure_future(_until_gone(request))
        self._waiting += 1
        try:
            rest = self._until - asyncio.get_running_loop().time()
            await asyncio.wait({self._done, left}, timeout=max(0.0, rest), return_when="FIRST_COMPLETED")
            if not (self._done.done() or left.done()):
                self._running.is_late = True
                self._running.stop()
        finally:
            left.cancel()
            self._waiting -= 1
            if not self._waiting:
                self._running.stop()
        while self._running.is_stopped and not self._done.done():
            self._running.stop()
            await asyncio.wait({self._done}, timeout=AGAIN_SECONDS)
        if not self._done.done():
            raise LeftError
        return self._done.result()


def too_long(seconds: float) -> tuple[str, str]:
    """What to say of an answer that took longer than these seconds: the fault, and its mend."""
    return (
        f"The answer took longer than {seconds:g} seconds and was given up.",
        "Narrow the dates, or raise the setting answer_seconds.",
    )


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
