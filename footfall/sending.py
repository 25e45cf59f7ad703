"""From the buffer to a server or a home: one thread in the background, which callers never wait for."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

log = logging.getLogger("footfall")
# a batch holds at most so many events, and bytes
BATCH_EVENTS, BATCH_BYTES = 100, 1_000_000
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_TOLD_PAUSE = 0.5, 30.0, 600.0


class TryAgain(Exception):
    """The receiver cannot take events now; `seconds` says how long it wants to be left alone, if it says so."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class TooLarge(Exception):
    """The batch is more than the receiver takes at once."""


class Rejected(Exception):
    """The receiver will never take these events."""


class Transport(Protocol):
    """Where events go."""

    def send(self, events: list[bytes]) -> None:
        """Return when the events are kept; raises TryAgain, TooLarge or Rejected."""

    def choose(self, person: str, opts_out: bool) -> None:
        """Return when it is kept whether a person wants to be counted."""

    def forget(self) -> None:
        """Drop what the parent of a forked process shares, without a word to the other side."""


@dataclass
class Stats:
    """What became of events: `tracked` is the sum of the others but `retries`, which counts batches sent again.

    Attributes:
        tracked: all that were told.
        sent: kept by the receiver.
        waiting: in the buffer, or under way.
        dropped: not taken, because the buffer was full.
        rejected: refused by the receiver for good.
        invalid: could be no event.
        opted_out: of who does not want to be counted.
        lost: still waiting when the process ended.
        retries: how often a batch was sent again.
    """

    tracked: int = 0
    sent: int = 0
    waiting: int = 0
    dropped: int = 0
    rejected: int = 0
    invalid: int = 0
    opted_out: int = 0
    lost: int = 0
    retries: int = 0


@dataclass(frozen=True)
class _Event:
    line: bytes
    persons: tuple[str, ...]


@dataclass(frozen=True)
class _Mark:
    passed: threading.Event


class Sender:
    """A bounded buffer and the thread that empties it.

    The thread begins with the first event, in whichever process that is: a forked child has an empty buffer and a
    thread of its own, and sends nothing of its parent's.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        most_events: int,
        interval: float,
        exit_seconds: float,
        is_wanted: Callable[[tuple[str, ...]], bool],
    ) -> None:
        self._transport, self._most, self._interval = transport, most_events, interval
        self._exit_seconds, self._is_wanted = exit_seconds, is_wanted
        self._fresh()
        _SENDERS.add(self)

    def _fresh(self) -> None:
        # reentrant, because a signal's handler or a destructor may track in the middle of tracking
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[_Event | _Mark] = queue.SimpleQueue()
        self._stats = Stats()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._ends_at: float | None = None
        self._is_closed = False
        self._warned_at: dict[str, float] = {}

    def after_fork(self) -> None:
        """Begin anew in a child."""
        self._fresh()
        self._transport.forget()

    @property
    def stats(self) -> Stats:
        """The counts as they are now."""
        with self._lock:
            return replace(self._stats)

    def count(self, outcome: str) -> None:
        """Count an event that never came to the buffer."""
        with self._lock:
            self._stats.tracked += 1
            setattr(self._stats, outcome, getattr(self._stats, outcome) + 1)

    def put(self, line: bytes, persons: tuple[str, ...]) -> bool:
        """Take an event; False where the buffer is full."""
        with self._lock:
            self._stats.tracked += 1
            is_full = self._stats.waiting >= self._most
            if is_full or self._is_closed:
                self._stats.dropped += 1
                is_full = True
            else:
                self._stats.waiting += 1
                self._queue.put(_Event(line, persons))
                if self._thread is None:
                    self._start()
        if is_full and not self._is_closed:
            self.warn("full", f"{self._most} events wait to be sent: further ones are dropped until some are gone.")
        return not is_full

    def flush(self, seconds: float) -> bool:
        """Return whether all that was told before has been settled within so many seconds."""
        with self._lock:
            if self._stats.waiting == 0:
                return True
            if self._thread is None or not self._thread.is_alive():
                return self._drain()
            mark = _Mark(threading.Event())
            self._queue.put(mark)
        self._hurry.set()
        return mark.passed.wait(max(0.0, seconds))

    def close(self, seconds: float | None = None) -> bool:
        """Send what waits, for at most so many seconds, and take nothing more; what is left is lost, and told."""
        seconds = self._exit_seconds if seconds is None else seconds
        with self._lock:
            if self._is_closed:
                return self._stats.lost == 0
            self._is_closed = True
        self._ends_at = time.monotonic() + seconds
        is_done = self.flush(seconds)
        with self._lock:
            self._empty()
            self._queue.put(_Mark(threading.Event()))  # wakes the thread, which ends
            lost = self._stats.lost + self._stats.waiting
        if lost:
            log.warning("%d events had not been sent when there was no more time: they are lost.", lost)
        return is_done and not lost

    def warn(self, kind: str, message: str) -> None:
        """Tell of a fault, and of its like once a minute."""
        now = time.monotonic()
        if now - self._warned_at.get(kind, -60.0) >= 60.0:
            self._warned_at[kind] = now
            log.warning("%s", message)

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="footfall", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending: what waits is sent by `close`
            return
        self._thread = thread
        _at_exit_of_child(self)

    def _run(self) -> None:
        while not (self._is_closed and self._queue.empty()):
            batch, mark = self._gather()
            try:
                self._deliver(batch)
            except Exception:  # nothing may end the thread; what it held is counted
                log.exception("Events could not be sent.")
            if mark:
                mark.passed.set()

    def _gather(self) -> tuple[list[_Event], _Mark | None]:
        """Wait for an event, then for others, until there are enough, the interval is over or somebody flushes."""
        batch: list[_Event] = []
        size, ends_at = 0, 0.0
        while True:
            try:
                got = self._queue.get(timeout=max(0.0, ends_at - time.monotonic())) if batch else self._queue.get()
            except queue.Empty:
                return batch, None
            if isinstance(got, _Mark):
                self._hurry.clear()
                return batch, got
            if not batch:
                ends_at = time.monotonic() + self._interval
            batch.append(got)
            size += len(got.line)
            if len(batch) >= BATCH_EVENTS or size >= BATCH_BYTES:
                return batch, None

    def _deliver(self, batch: list[_Event]) -> None:
        wanted = [event for event in batch if self._is_wanted(event.persons)]
        self._settle(len(batch) - len(wanted), "opted_out")
        batches = [wanted] if wanted else []
        pause, left = FIRST_PAUSE, len(wanted)
        try:
            while batches:
                events = batches.pop()
                try:
                    self._transport.send([event.line for event in events])
                    outcome = "sent"
                except TryAgain as fault:
                    batches.append(events)
                    if not self._wait(pause, fault):
                        return
                    pause = min(pause * 2, LONGEST_PAUSE)
                    continue
                except TooLarge as fault:
                    if len(events) > 1:
                        middle = len(events) // 2
                        batches += [events[middle:], events[:middle]]
                        continue
                    outcome = "rejected"
                    self.warn("rejected", f"An event was refused: {fault}")
                except Exception as fault:
                    outcome = "rejected"
                    self.warn("rejected", f"{len(events)} events were refused: {fault}")
                left -= len(events)
                self._settle(len(events), outcome)
                pause = FIRST_PAUSE
        finally:
            self._settle(left, "lost")

    def _wait(self, pause: float, fault: TryAgain) -> bool:
        """Wait before a batch is sent again; False where the process ends sooner."""
        self.warn("later", f"Events could not be sent and will be again: {fault}")
        with self._lock:
            self._stats.retries += 1
        told = fault.seconds
        seconds = random.uniform(pause / 2, pause) if told is None else min(told, LONGEST_TOLD_PAUSE)
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            ends_at = self._ends_at
            if ends_at is not None and (now >= ends_at or (told is not None and until >= ends_at)):
                return False
            # who flushes has what failed tried again at once, unless the receiver asked to be left alone
            if told is None and self._hurry.is_set():
                self._hurry.clear()
                return True
            if told is None:
                self._hurry.wait(min(until - now, 0.5))
            else:
                time.sleep(min(until - now, 0.1))
        return self._ends_at is None or time.monotonic() < self._ends_at

    def _drain(self) -> bool:
        """Send what waits in this thread, where there is no other."""
        batch = self._empty(as_lost=False)
        for begin in range(0, len(batch), BATCH_EVENTS):
            self._deliver(batch[begin : begin + BATCH_EVENTS])
        return self.stats.lost == 0

    def _empty(self, as_lost: bool = True) -> list[_Event]:
        """Take out what waits, and pass on who waits for it."""
        batch: list[_Event] = []
        with contextlib.suppress(queue.Empty):
            while True:
                got = self._queue.get_nowait()
                if isinstance(got, _Mark):
                    got.passed.set()
                else:
                    batch.append(got)
        if as_lost:
            self._settle(len(batch), "lost")
        return batch

    def _settle(self, events: int, outcome: str) -> None:
        if events:
            with self._lock:
                self._stats.waiting -= events
                setattr(self._stats, outcome, getattr(self._stats, outcome) + events)


_SENDERS: weakref.WeakSet[Sender] = weakref.WeakSet()


def _after_fork() -> None:
    for sender in list(_SENDERS):
        sender.after_fork()


def _close_all() -> None:
    for sender in list(_SENDERS):
        with contextlib.suppress(Exception):
            sender.close()


def _at_exit_of_child(sender: Sender) -> None:
    """A process of multiprocessing ends without `atexit`, and has a list of its own."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None or process.parent_process() is None:
        return
    made = weakref.ref(sender)

    def close() -> None:
        alive = made()
        if alive is not None:
            alive.close()

    util.Finalize(None, close, exitpriority=10)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
