"""Sends landed events on, batch after batch, and remembers after each request how far it has come."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import filelock
import httpx

from forwarding.destinations import destinations
from forwarding.destinations.destination import Destination, Event
from forwarding.events import committed, events_at, events_of, is_sent_on, least_to_come, place_of
from forwarding.progress import DeadLetter, Progress, Records, now
from forwarding.sending import NotSent, Refusal, Sender
from forwarding.settings import ForwardingSettings
from ingest.collector.settings import CollectorSettings
from ingest.landing.batches import BatchReceipt, UnknownBatch, read_batch

log = logging.getLogger("footfall.forwarding")
LOGGED_BYTES = 2_000


class AlreadyForwarding(Exception):
    """Another process sends to this destination."""


@dataclass(frozen=True)
class Outcome:
    """What a run did for a destination; `fault` says why something was left, None where nothing was."""

    sent: int = 0
    refused: int = 0
    fault: str | None = None


def folder_of(home: Path, settings: ForwardingSettings) -> Path:
    """Where progress lies; the sandbox has its own, so that what was only logged is still sent when it ends."""
    return home / "forwarding" / ("sandbox" if settings.sandbox_mode else "")


def forwarders(home: Path, stopped: threading.Event | None = None) -> dict[str, Forwarder]:
    """Who sends to each destination that is on, by its name; it is on when it has its key."""
    settings = ForwardingSettings()  # type: ignore[call-arg]
    size = CollectorSettings().batch_size  # type: ignore[call-arg]
    return {each.name: Forwarder(home, each, settings, size, stopped) for each in destinations(settings)}


class Forwarder:
    """Sends the events of a home on to one destination."""

    def __init__(
        self,
        home: Path,
        destination: Destination,
        settings: ForwardingSettings,
        batch_size: int,
        stopped: threading.Event | None = None,
    ) -> None:
        self.home, self.destination, self.settings = home, destination, settings
        self.records = Records(folder_of(home, settings), destination.name)
        self._size = min(batch_size, destination.largest_events)
        self._stopped = stopped or threading.Event()

    def forward(self) -> Outcome:
        """Send everything that has landed and was not sent.

        Raises:
            AlreadyForwarding: when another process is at it.
        """
        with self._alone(), self._client() as client:
            progress, sender = self.records.read(), self._sender(client)
            before, progress.fault = replace(progress), None
            # asked before the batches are: what begins to load later has a greater id
            floor = least_to_come(self.home)
            try:
                for batch_id in committed(self.home):
                    if not progress.is_done(batch_id):
                        self._forward_batch(batch_id, floor, progress, sender)
            except NotSent as error:
                progress.fault = str(error)
            # one that was committed late and is not done may lie before others that are
            left = [batch_id for batch_id in committed(self.home) if not progress.is_done(batch_id)]
            progress.advance(min([floor, *left]))
            self.records.write(progress)
        return Outcome(progress.sent - before.sent, progress.refused - before.refused, progress.fault)

    def _forward_batch(self, batch_id: str, floor: str, progress: Progress, sender: Sender) -> None:
        try:
            batch = read_batch(self.home, batch_id)
        except UnknownBatch:  # taken back since it was listed
            return
        if is_sent_on(batch, self.destination, self.settings):
            events = events_of(self.home, batch, self.settings, progress.begun.get(batch_id))
            for some in self._slices(events):
                self._send(batch, some, progress, sender)
        progress.finish(batch_id, floor)
        self.records.write(progress)

    def _send(self, batch: BatchReceipt, events: list[Event], progress: Progress, sender: Sender) -> None:
        if self.settings.sandbox_mode:
            self._log(events)
            refused = []
        else:
            refused = sender.send(events)
        self.records.bury(_letters(batch, refused))
        progress.sent += len(events) - len(refused)
        progress.refused += len(refused)
        progress.last_sent_at = now()
        progress.begun[batch.batch_id] = place_of(events[-1])
        self.records.write(progress)

    def replay(self) -> Outcome:
        """Send the dead letters again; those that are taken, and those whose events are gone, are no more.

        The sandbox has none: nothing is refused there. Where the destination takes nothing by now, the rest waits.

        Raises:
            AlreadyForwarding: when another process is at it.
        """
        with self._alone(), self._client() as client:
            progress, sender, letters = self.records.read(), self._sender(client), self.records.dead()
            left: list[DeadLetter] = []
            sent, fault = 0, None
            for batch_id, group in itertools.groupby(sorted(letters, key=lambda each: each.batch_id), _batch_of):
                of_batch = list(group)
                if fault:
                    left += of_batch
                    continue
                try:
                    batch = read_batch(self.home, batch_id)
                    for some in self._slices(events_at(self.home, batch, [each.place for each in of_batch])):
                        refused = sender.send(some)
                        sent += len(some) - len(refused)
                        left += _letters(batch, refused)
                except UnknownBatch:
                    continue
                except NotSent as error:
                    fault = str(error)
                    known = {(each.batch_id, each.place) for each in left}
                    left += [each for each in of_batch if (each.batch_id, each.place) not in known]
            self.records.keep_dead(left)
            progress.sent, progress.refused = progress.sent + sent, len(left)
            self.records.write(progress)
        return Outcome(sent, len(left), fault)

    def skip(self) -> int:
        """Take what has landed by now for sent; return how many batches that are."""
        with self._alone():
            progress, floor = self.records.read(), least_to_come(self.home)
            passed = [batch_id for batch_id in committed(self.home) if not progress.is_done(batch_id)]
            for batch_id in passed:
                progress.finish(batch_id, floor)
            progress.advance(floor)
            self.records.write(progress)
        return len(passed)

    def waiting(self) -> int:
        """How many accepted events lie in batches that are still to be sent, before any is left out."""
        progress = self.records.read()
        batches = (read_batch(self.home, each) for each in committed(self.home) if not progress.is_done(each))
        return sum(batch.accepted for batch in batches if is_sent_on(batch, self.destination, self.settings))

    def _slices(self, events: Iterator[Event]) -> Iterator[list[Event]]:
        while some := list(itertools.islice(events, self._size)):
            yield some

    def _log(self, events: list[Event]) -> None:
        body, _ = self.destination.request(events)
        shown = body[:LOGGED_BYTES].decode(errors="replace")
        log.warning("sandbox: would send %d events to %s: %s", len(events), self.destination.url, shown)

    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self.settings.forward_timeout_seconds, follow_redirects=False)

    def _sender(self, client: httpx.Client) -> Sender:
        return Sender(self.destination, client, self.settings.forward_patience_seconds, self._stopped)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = filelock.FileLock(self.records.lock)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise AlreadyForwarding(
                f"Another `footfall forward` sends to {self.destination.name}. Stop it, or wait for its end."
            ) from None
        try:
            yield
        finally:
            lock.release()


def _batch_of(letter: DeadLetter) -> str:
    return letter.batch_id


def _letters(batch: BatchReceipt, refused: list[Refusal]) -> list[DeadLetter]:
    return [DeadLetter(batch.batch_id, place_of(each.event), each.reason[:500], now()) for each in refused]
