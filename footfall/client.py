"""The client: tells events without ever waiting or failing, and reads what they amount to."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any, Self, cast

from footfall.events import EventType, NoEvent, line, named
from footfall.reading import HomeReader, Reader, Reading, ServerReader
from footfall.sending import Sender, Stats, Transport
from footfall.transports import Home, Server

log = logging.getLogger("footfall")
DEFAULT_HOST = "http://127.0.0.1:8000"
# how many open sessions, and answers of experiments, are remembered
MOST_REMEMBERED = 10_000
IDS = ("user_id", "anonymous_id", "session_id", "account_id")
YES = ("1", "true", "yes", "on")

_context: ContextVar[Mapping[str, Any] | None] = ContextVar("footfall_context", default=None)


class Analytics(Reading):
    """Footfall for an application: `Analytics(host, key)` for a server, `Analytics(home=…)` for a home on disk.

    Telling (`track_event`, sessions, `identify`, answers, conversions) never raises and never waits: events go into a
    bounded buffer, from which one thread sends them. Reading (`get_…`, `segment_users`, `ask`, `metric`) asks the
    server, or the home, waits for the answer, and raises AnalyticsError where there is none.

    Args:
        host: the server's address; else FOOTFALL_URL, else that of `footfall serve` on this machine.
        key: the write key; else FOOTFALL_KEY.
        home: the folder of a home on this machine's disk, instead of a server; else FOOTFALL_HOME.
        read_key: the key that reads, where the one above only writes; else FOOTFALL_READ_KEY.
        app: whose events go into a home (a server knows it by the key), and whose numbers are read; None reads all.
        max_waiting: how many events may wait; further ones are dropped, and counted.
        flush_interval: how many seconds an event waits for others at the most.
        timeout: how many seconds a request may take.
        exit_timeout: how many seconds the end of the process waits for what is not sent yet.
        may_track: asked by user id (or device id) before an event is taken and again before it is sent; False counts
            nobody. Where it raises, nobody is counted either.
        disabled: tells nothing; else FOOTFALL_DISABLED, or DO_NOT_TRACK.
    """

    def __init__(
        self,
        host: str | None = None,
        key: str | None = None,
        *,
        home: str | Path | None = None,
        read_key: str | None = None,
        app: str | None = None,
        max_waiting: int = 10_000,
        flush_interval: float = 1.0,
        timeout: float = 10.0,
        exit_timeout: float = 5.0,
        may_track: Callable[[str], bool] | None = None,
        disabled: bool | None = None,
    ) -> None:
        if host is not None and home is not None:
            raise ValueError("Say either a host or a home: events go to one of them.")
        if host is None and home is None:
            host, home = os.environ.get("FOOTFALL_URL"), os.environ.get("FOOTFALL_HOME")
            home = None if host else home
        key = key or os.environ.get("FOOTFALL_KEY")
        self.app = app
        transport: Transport
        self._reader: Reader
        self._assigner: Reader
        if home is not None:
            folder = Path(home).expanduser()
            transport, self._reader = Home(folder, app or "default"), HomeReader(folder, app)
            self._assigner = self._reader
        else:
            address = host or DEFAULT_HOST
            transport = Server(address, key, timeout)
            read_key = read_key or os.environ.get("FOOTFALL_READ_KEY") or key
            self._reader = ServerReader(Server(address, read_key, timeout), app)
            # who may write may assign
            self._assigner = ServerReader(Server(address, key, timeout), None)
        if disabled is None:
            disabled = any(os.environ.get(name, "").lower() in YES for name in ("FOOTFALL_DISABLED", "DO_NOT_TRACK"))
        self._is_disabled, self._may_track, self._transport = disabled, may_track, transport
        self._opted_out: set[str] = set()
        self._variants: OrderedDict[tuple[str, str], str | None] = OrderedDict()
        self._sessions: OrderedDict[str, tuple[str | None, float]] = OrderedDict()
        self._sender = Sender(
            transport,
            most_events=max_waiting,
            interval=flush_interval,
            exit_seconds=exit_timeout,
            is_wanted=self._is_wanted,
        )

    def track_event(
        self,
        user_id: str | int | None = None,
        event_type: EventType | str | None = None,
        event_name: str | None = None,
        properties: Mapping[str, Any] | None = None,
        page_url: str | None = None,
        session_id: str | None = None,
        *,
        anonymous_id: str | None = None,
        account_id: str | None = None,
        context: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        event_id: str | None = None,
    ) -> bool:
        """Tell an event. What is left out comes of the `context` around it, then of its session.

        Returns:
            Whether it was taken; why not, `stats` counts.
        """
        ids = {"user_id": user_id, "anonymous_id": anonymous_id, "session_id": session_id, "account_id": account_id}
        return self._tell(
            event_type, event_name, properties, ids, page_url, context, occurred_at=occurred_at, event_id=event_id
        )

    def track(self, event_name: str, properties: Mapping[str, Any] | None = None, **ids: Any) -> bool:
        """Tell an event by its name; `ids` and the rest as `track_event` has them."""
        return self.track_event(event_name=event_name, properties=properties, **ids)

    def page(self, page_url: str, properties: Mapping[str, Any] | None = None, **ids: Any) -> bool:
        """Tell that a page is viewed."""
        return self.track_event(event_type=EventType.PAGE_VIEW, properties=properties, page_url=page_url, **ids)

    def track_revenue(
        self,
        user_id: str | int | None,
        amount: Any,
        currency: str,
        properties: Mapping[str, Any] | None = None,
        **ids: Any,
    ) -> bool:
        """Tell a completed payment, `amount` in major units: 12.50 is twelve dollars fifty, 500 is 500 yen."""
        told = {**(properties or {}), "revenue": amount, "currency": currency}
        return self.track_event(user_id, EventType.PURCHASE, properties=told, **ids)

    def identify(
        self, user_id: str | int, traits: Mapping[str, Any] | None = None, *, anonymous_id: str | None = None
    ) -> bool:
        """Say who a user is, and that a device, if it is told, is theirs."""
        ids = {"user_id": user_id, "anonymous_id": anonymous_id}
        return self._tell(None, "identify", None, ids, None, None, user_properties=traits)

    def start_session(
        self,
        user_id: str | int | None = None,
        properties: Mapping[str, Any] | None = None,
        *,
        session_id: str | None = None,
        **ids: Any,
    ) -> str:
        """Begin a session, and return its id; events that name it alone are of its user."""
        session = session_id or str(uuid.uuid4())
        user = None if user_id is None else str(user_id)
        self._sessions[session] = (user, time.monotonic())
        while len(self._sessions) > MOST_REMEMBERED:
            with contextlib.suppress(KeyError):
                self._sessions.popitem(last=False)
        self.track_event(user_id, event_name="session_start", properties=properties, session_id=session, **ids)
        return session

    def end_session(self, session_id: str, properties: Mapping[str, Any] | None = None, **ids: Any) -> bool:
        """End a session; its length in seconds is a property where it began in this process."""
        user, began = self._sessions.get(session_id, (None, None))
        told = dict(properties or {})
        if began is not None:
            told.setdefault("duration_seconds", round(time.monotonic() - began, 3))
        ids.setdefault("user_id", user)
        taken = self.track_event(event_name="session_end", properties=told, session_id=session_id, **ids)
        self._sessions.pop(session_id, None)
        return taken

    def record_nps_response(
        self,
        user_id: str | int,
        score: float,
        feedback: str | None = None,
        *,
        wave: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> bool:
        """Tell an answer to "would you recommend us?", 0 to 10. What is off the scale counts as such in `fct_nps`."""
        told = {**(properties or {}), "score": score, "comment": feedback, "wave": wave}
        return self.track_event(
            user_id,
            event_name="nps_answered",
            properties={name: value for name, value in told.items() if value is not None},
        )

    def create_ab_test(
        self,
        test_name: str,
        variants: Sequence[str] = ("control", "variant"),
        traffic_split: Sequence[int | float] | Mapping[str, int | float] | None = None,
    ) -> str:
        """Define an experiment on the server, and return its id; the first variant is the control. Takes an admin key.

        Its primary metric is who converts (`record_ab_conversion`). One that is defined already, with the same split,
        stays as it is.

        Args:
            test_name: its name, of letters, digits, `_`, `.` and `-`.
            variants: their names.
            traffic_split: each variant's part, by name or in their order: `[50, 50]`, `[0.9, 0.1]`. Equal by default.

        Raises:
            AnalyticsError: when it cannot be defined; the words say why.
        """
        told: dict[str, Any] = {"test_name": test_name, "variants": [*variants]}
        if traffic_split is not None:
            told["traffic_split"] = _weights(traffic_split)
        return self._reader.define(told)

    def assign_variant(self, test_id: str, user_id: str | int) -> str | None:
        """Which variant somebody has, the same for ever; None: they take no part. The exposure is recorded once.

        The server is asked once for each of them, and for a second at the most; where it does not answer, None, and it
        is asked again the next time.
        """
        unit = str(user_id)
        if (test_id, unit) in self._variants:
            return self._variants[test_id, unit]
        if self._is_disabled or not self._is_wanted((unit,)):
            return None
        try:
            variant = self._assigner.variant(test_id, unit)
        except Exception as fault:
            self.warn("variant", f"Nobody is assigned a variant of {test_id} for now: {fault}")
            return None
        self._variants[test_id, unit] = variant
        while len(self._variants) > MOST_REMEMBERED:
            with contextlib.suppress(KeyError):
                self._variants.popitem(last=False)
        return variant

    def record_ab_conversion(
        self,
        test_id: str,
        user_id: str | int,
        value: float | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> bool:
        """Tell that somebody did what a test is about, as `create_ab_test` made it count."""
        told = {**(properties or {}), "experiment": test_id, **({} if value is None else {"value": value})}
        return self.track_event(user_id, event_name=f"{test_id}_converted", properties=told)

    def opt_out(self, user_id: str | int) -> bool:
        """Tell nothing more of a user or device, nor what of them still waits here, and let the server store nothing.

        It waits for the server's answer, because a choice must not be lost.

        Returns:
            Whether the server keeps it, for all who send; else it holds in this process alone, and is to be told again.
        """
        self._opted_out.add(str(user_id))
        return self._choose(str(user_id), True)

    def opt_in(self, user_id: str | int) -> bool:
        """Take an opt-out back, here and at the server; whether the server keeps that."""
        self._opted_out.discard(str(user_id))
        return self._choose(str(user_id), False)

    def _choose(self, person: str, opts_out: bool) -> bool:
        if self._is_disabled:
            return False
        try:
            self._transport.choose(person, opts_out)
        except Exception as fault:
            self.warn("choice", f"The server does not know who opts {'out' if opts_out else 'in'}: {fault}")
            return False
        return True

    @contextlib.contextmanager
    def context(self, **told: Any) -> Iterator[None]:
        """Say once what holds for all events within a with block, in this thread or task and those that it starts.

        `user_id`, `anonymous_id`, `session_id`, `account_id`, `page_url` and the other fields of an event's context by
        their names, `properties` a mapping; whatever else is a property.
        """
        outer = _context.get() or {}
        inner = {**outer, **told}
        if "properties" in told:
            inner["properties"] = {**(outer.get("properties") or {}), **(told["properties"] or {})}
        token = _context.set(inner)
        try:
            yield
        finally:
            _context.reset(token)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until what was told has been sent; False where that takes longer. The one call that waits."""
        return self._sender.flush(timeout)

    async def aflush(self, timeout: float = 10.0) -> bool:
        """`flush` for a loop, which goes on meanwhile."""
        import asyncio  # as slow to import as all the rest, and in a loop it is there already

        return await asyncio.to_thread(self._sender.flush, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Send what waits and take nothing more; the end of the process does so by itself."""
        return self._sender.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def stats(self) -> Stats:
        """What became of events so far."""
        return self._sender.stats

    def warn(self, kind: str, message: str) -> None:
        """Log a fault of what tells; its like once a minute at the most."""
        self._sender.warn(kind, message)

    def _tell(
        self,
        event_type: EventType | str | None,
        event_name: str | None,
        properties: Mapping[str, Any] | None,
        ids: Mapping[str, Any],
        page_url: str | None,
        context: Mapping[str, Any] | None,
        **more: Any,
    ) -> bool:
        if self._is_disabled:
            return False
        try:
            around = _context.get() or {}
            name, told = named(event_type, event_name, properties)
            who = {key: around.get(key) if value is None else value for key, value in ids.items()}
            for key in IDS:
                who.setdefault(key, around.get(key))
            if who["user_id"] is None and who["session_id"] is not None:
                who["user_id"] = self._sessions.get(str(who["session_id"]), (None, 0.0))[0]
            fields = {key: value for key, value in around.items() if key in CONTEXT}
            fields |= {**(context or {}), **({} if page_url is None else {"page_url": page_url})}
            shared = {key: value for key, value in around.items() if key not in CONTEXT and key not in IDS}
            shared |= shared.pop("properties", None) or {}
            persons = tuple(str(who[key]) for key in ("user_id", "anonymous_id") if who[key] is not None)
            if not self._is_wanted(persons):
                self._sender.count("opted_out")
                return False
            text = line(name, {**shared, **told}, ids=who, context=fields, **more)
            return self._sender.put(text, persons)
        except NoEvent as fault:
            self._sender.count("invalid")
            self._sender.warn("invalid", str(fault))
        except Exception as fault:  # whatever it is, it is not the caller's
            self._sender.count("invalid")
            self._sender.warn("invalid", f"An event could not be told: {type(fault).__name__}: {fault}")
        return False

    def _is_wanted(self, persons: tuple[str, ...]) -> bool:
        if not self._opted_out.isdisjoint(persons):
            return False
        try:
            return self._may_track is None or all(self._may_track(person) for person in persons)
        except Exception as fault:
            self._sender.warn("may_track", f"may_track failed, so nobody is counted: {type(fault).__name__}: {fault}")
            return False


# what of a context is an event's context, and not a property
CONTEXT = {
    *("page_url", "page_title", "referrer", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
    *("device_type", "os", "browser", "country", "region", "city", "locale", "user_agent", "ip"),
}


def _weights(split: Sequence[int | float] | Mapping[str, int | float]) -> list[int] | dict[str, int]:
    """Shares as whole parts, which an experiment is assigned by: tenths of a percent of shares below 1."""
    if isinstance(split, Mapping):
        return dict(zip(split, cast("list[int]", _weights([*split.values()])), strict=True))
    if all(float(part).is_integer() for part in split):
        return [int(part) for part in split]
    total = sum(split)
    return [round(1000 * part / total) for part in split]


_default: Analytics | None = None
_default_lock = threading.Lock()


def get_user_analytics_service(**options: Any) -> Analytics:
    """The one client of this process, made when it is first asked for; options are for that first time."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Analytics(**options)
        elif options:
            log.warning("The client of this process is made already: %s came too late.", ", ".join(options))
        return _default
