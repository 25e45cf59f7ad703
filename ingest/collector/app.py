"""The HTTP front: whose event is it, is it JSON, is it on disk. What it means is the loader's business."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Lifespan, Receive, Scope

from ingest.collector.body import Outline, decompressed, json_text
from ingest.collector.door import Door, Endpoint, both, head, whole_body
from ingest.collector.keys import Keys
from ingest.collector.landing import LandingFailed, land_received
from ingest.collector.settings import CollectorSettings, is_here
from ingest.collector.spool import Spool, SpoolIsBusy, sealed_files, spooled
from ingest.collector.state import write_state
from ingest.collector.visitors import Visitors
from ingest.experiments.assigning import Experiments
from ingest.landing.batches import ensure_landing
from ingest.landing.taking_back import Id
from ingest.privacy import cleaner
from ingest.privacy.suppression import NobodyNamed, as_stored, choose
from ingest.settings import names_in
from ingest.vendors import VENDORS
from ingest.vendors.footfall import key_of
from ingest.vendors.snowplow import SNOWPLOW
from ingest.vendors.vendor import Answer, Flags, Received, RefusedRequest, Request, Vendor, basic_user

log = logging.getLogger("footfall.collector")
# landing takes at most this share of the time, so that many small files never crowd out receiving
LANDING_SHARE = 0.2
# how often the counts are written for those who read them in the home
STATE_SECONDS = 5.0
BROWSER_SCRIPT = Path(__file__).with_name("footfall.js")
# where persons say whether they want to be counted, and whether that says no
CHOICES = {"/privacy/opt-out": True, "/privacy/opt-in": False}
# what becomes of received events
OUTCOMES = ("accepted", "duplicate", "quarantined", "suppressed", "opted_out")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Counts:
    """What the collector has seen since it started."""

    started_at: str = field(default_factory=_now)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    # by protocol and what a request came to: the answer's own status is another where a vendor's SDKs bear no error
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    # (second, events): one a second, however many requests come in it
    recent: deque[tuple[int, int]] = field(default_factory=deque)
    write_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    landed: Counter[str] = field(default_factory=Counter)
    landing_error: str | None = None

    def received(self, protocol: str, app: str, events: int, seconds: float) -> None:
        """Count a request whose events are on disk."""
        self.events[protocol, app] += events
        self.write_seconds.append(seconds)
        now, recent = int(time.monotonic()), self.recent
        if recent and recent[-1][0] == now:
            recent[-1] = (now, recent[-1][1] + events)
            return
        recent.append((now, events))
        while recent[0][0] < now - 60:
            recent.popleft()

    def last_minute(self) -> int:
        """How many events came in the last minute."""
        since = time.monotonic() - 60
        return sum(events for at, events in self.recent if at >= since)


class Collector:
    """Receives for one home."""

    def __init__(
        self, home: Path, settings: CollectorSettings | None = None, app_without_keys: str = "default"
    ) -> None:
        self.home, self.settings = home, settings or CollectorSettings()  # type: ignore[call-arg]
        self.keys, self.counts, self.app_without_keys = Keys(home), Counts(), app_without_keys
        self.visitors, self.cleaner = Visitors(home), cleaner(home)
        self.experiments = Experiments(self.record)
        self.spool: Spool | None = None
        self._run, self._receipts = secrets.token_hex(8), itertools.count()

    def asgi(self, others: ASGIApp | None = None, lifespan: Lifespan[Starlette] | None = None) -> ASGIApp:
        """The application.

        Args:
            others: what else answers at this address: a request that is none of the collector's.
            lifespan: what holds while it serves, in place of `running`, which it is to enter.
        """
        routes = [
            Route("/health", self._health, methods=["GET"]),
            Route("/stats", self._stats, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Route("/footfall.js", _browser_script, methods=["GET"]),
        ]
        for path, opts_out in CHOICES.items():
            routes += both(path, self._choosing(opts_out))
        by_path: dict[str, list[Vendor]] = {}
        for vendor in VENDORS.values():
            for path, answer in vendor.answers.items():
                routes += both(path, self._answering(vendor, answer))
            for path in vendor.paths:
                by_path.setdefault(path, []).append(vendor)
        for path in names_in(self.settings.snowplow_paths):
            by_path.setdefault(path.rstrip("/"), []).append(SNOWPLOW)
        for path, vendors in by_path.items():
            outlines = [msgspec.json.Decoder(vendor.outlines[path]) for vendor in vendors if path in vendor.outlines]
            routes += both(path, self._receiving(vendors, outlines))
        return Door(Starlette(routes=routes, lifespan=lifespan or self.running), self.settings.hosts, others)

    async def record(self, app: str, events: list[dict[str, Any]]) -> None:
        """Take events that this server makes itself, by the way of those that are sent: on disk when it returns.

        Raises:
            RefusedRequest: 503 when they cannot be kept, or nothing is received here.
        """
        if self.spool is None:
            raise RefusedRequest(503, "This server receives no events: serve the collector too.")
        vendor, text = VENDORS["footfall"], orjson.dumps({"events": events})
        received = Received(None, text, len(events))
        line = self._line(vendor, Request("POST", vendor.paths[0], {}, {}), received, app, None)
        await self._keep(vendor, line, len(events), app)

    async def land_now(self) -> dict[str, Any]:
        """Seal and land what has been received; return how many events were sealed, and what waits or landed."""
        sealed = await self.spool.seal(0, 0) if self.spool else 0
        await self._land()
        landed = {outcome: self.counts.landed[outcome] for outcome in OUTCOMES}
        return {"sealed_events": sealed, "landed": landed, "fault": self.counts.landing_error}

    @contextlib.asynccontextmanager
    async def running(self, _: Starlette | None = None) -> AsyncIterator[None]:
        """Receive for the time of a with block; what was received by its end has landed."""
        ensure_landing(self.home)
        self.spool = Spool(self.home, self.settings.max_waiting_bytes)
        self.spool.start()
        landing = asyncio.get_running_loop().create_task(self._land_forever(self.spool))
        try:
            yield
        finally:
            landing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await landing
            await self.spool.close()
            await self._land()
            self._tell(ended_at=_now())

    async def _land_forever(self, spool: Spool) -> None:
        pause, told_at = 0.0, 0.0
        while True:
            if time.monotonic() - told_at >= STATE_SECONDS:
                told_at = time.monotonic()
                self._tell()
            await asyncio.sleep(min(max(0.2, pause), self.settings.flush_interval_seconds))
            await spool.seal(self.settings.batch_size, self.settings.flush_interval_seconds)
            began = time.monotonic()
            await self._land()
            pause = (time.monotonic() - began) / LANDING_SHARE

    def _tell(self, **more: str) -> None:
        try:
            write_state(self.home, self._told() | more)
        except OSError as error:  # a full disk is no reason to stop
            log.error("the counts could not be written: %s", error)

    async def _land(self) -> None:
        self.counts.landing_error = None
        try:
            receipts = await asyncio.to_thread(land_received, self.home)
        except Exception as error:  # what was received stays in the spool, and is tried again
            self.counts.landing_error = f"{type(error).__name__}: {error}"
            log.error("received events could not be landed: %s", self.counts.landing_error)
            receipts = error.receipts if isinstance(error, LandingFailed) else []
        for receipt in receipts:
            for outcome in OUTCOMES:
                self.counts.landed[outcome] += getattr(receipt, outcome)

    def _receiving(self, vendors: list[Vendor], outlines: list[Outline]) -> Endpoint:
        async def respond(scope: Scope, receive: Receive) -> Answer:
            """Answer once the events are on disk."""
            vendor, came_to = vendors[0], 200
            try:
                request = await self._read(scope, receive, outlines)
                if len(vendors) > 1:
                    vendor = next((each for each in vendors if each.claims(request)), vendor)
                received = vendor.receive(request)
                app = self._app(received.key)
                answer = vendor.accepted(request)
                if received.events:
                    line = self._line(vendor, request, received, app, scope["client"])
                    # what the body was parsed to does not wait for the disk
                    del request
                    await self._keep(vendor, line, received.events, app)
            except RefusedRequest as refused:
                # what is counted is the fault, also where a vendor's senders are not told it
                came_to, answer = refused.status, _refusal(vendor, _asked(scope), refused.status, str(refused))
            self.counts.requests[vendor.name, came_to] += 1
            return answer

        return Endpoint(respond)

    def _answering(self, vendor: Vendor, answer: Callable[[Request, str, Flags], Answer]) -> Endpoint:
        async def respond(scope: Scope, receive: Receive) -> Answer:
            try:
                return answer(await self._read(scope, receive), self.app_without_keys, self)
            except RefusedRequest as refused:
                return _refusal(vendor, _asked(scope), refused.status, str(refused))

        return Endpoint(respond)

    def _choosing(self, opts_out: bool) -> Endpoint:
        async def respond(scope: Scope, receive: Receive) -> Answer:
            """Answer once it is on disk that somebody opted out, or in again."""
            try:
                request = await self._read(scope, receive)
                app = self._app(key_of(request))
                ids = self._ids(request, app)
                try:
                    await asyncio.to_thread(choose, self.home, ids, opts_out)
                except OSError as error:
                    log.error("the list of those who opted out cannot be written: %s", error)
                    raise RefusedRequest(503, "The choice could not be stored. Send it again.") from None
            except RefusedRequest as refused:
                return _refusal(VENDORS["footfall"], _asked(scope), refused.status, str(refused))
            return Answer(b'{"status":"ok"}')

        return Endpoint(respond)

    def _ids(self, request: Request, app: str) -> set[Id]:
        """The ids of the person who chooses."""
        body = request.body if request.method == "POST" and isinstance(request.body, dict) else {}
        told = {name: body[name] for name in ("user_id", "anonymous_id") if body.get(name) not in (None, "")}
        for name, said in told.items():
            # what an event says else is not stored as Python writes it, so the choice would hold for nobody
            if type(said) not in (str, int):
                raise RefusedRequest(400, f"{name} is neither a text nor a whole number. Send it as a text.")
        users, devices = ([str(told[name])] if name in told else [] for name in ("user_id", "anonymous_id"))
        try:
            return as_stored(self.cleaner, users, devices, app)
        except NobodyNamed as nobody:
            raise RefusedRequest(400, f"{nobody} Post {{user_id, anonymous_id}}, of which one will do.") from None

    async def _read(self, scope: Scope, receive: Receive, outlines: Iterable[Outline] = ()) -> Request:
        """A request whole."""
        most = self.settings.max_body_bytes
        body = await whole_body(receive, most, self.settings.body_timeout_seconds)
        method, path, query, headers = head(scope)
        encoding = headers.get("content-encoding", "").strip().lower()
        text, parsed, form = json_text(decompressed(body, encoding, most), query, outlines)
        return Request(method, path, query, headers, text, parsed, form)

    def _app(self, secret: str | None) -> str:
        if not self.keys.are_there():
            return self.app_without_keys
        key = self.keys.find(secret, "write")
        if key is None:
            # Amplitude's SDKs stop at these first words, and only at them
            raise RefusedRequest(401, "Invalid API key: make one with `footfall keys create`.")
        return key.app

    def are_there(self, key: str | None) -> bool:
        """Whether an experiment of the key's app runs."""
        return self.experiments.are_there(self._app(key))

    def variants(self, key: str | None, ids: Mapping[str, str]) -> dict[str, str]:
        """The variant in each running experiment of the key's app, of who has these ids."""
        return self.experiments.variants(self._app(key), ids)

    def _line(
        self, vendor: Vendor, request: Request, received: Received, app: str, client: tuple[str, int] | None
    ) -> bytes:
        address, agent = client[0] if client else None, request.headers.get("user-agent")
        visitor = {"visitor": self.visitors.of(app, address or "", agent)} if vendor.names_visitors else {}
        try:
            kept = self.cleaner.received(received.text, app)
        except orjson.JSONDecodeError as error:  # JSON that is right and not to be read holds a number beyond a double
            raise RefusedRequest(400, f"What is personal cannot be found in the body: {error}. Send JSON.") from None
        receipt = f"{self._run}{next(self._receipts):08x}"
        return spooled(kept, received.events, receipt, app, request.path, agent, address, **visitor)

    async def _keep(self, vendor: Vendor, line: bytes, events: int, app: str) -> None:
        began = time.perf_counter()
        try:
            assert self.spool is not None
            await self.spool.append(vendor.name, line, events)
        except SpoolIsBusy:
            raise RefusedRequest(503, "Too much waits for the disk. Send it again.") from None
        except OSError as error:
            log.error("the spool cannot be written: %s", error)
            raise RefusedRequest(503, "The event could not be stored. Send it again.") from None
        self.counts.received(vendor.name, app, events, time.perf_counter() - began)

    async def _health(self, _: HttpRequest) -> Response:
        sealed = sealed_files(self.home)
        oldest = min((path.stat().st_mtime for _, path in sealed if path.exists()), default=time.time())
        healthy = self.counts.landing_error is None
        told = {
            "status": "ok" if healthy else "degraded",
            "files_to_land": len(sealed),
            "oldest_file_seconds": round(time.time() - oldest),
            "landing_error": self.counts.landing_error,
        }
        return Response(orjson.dumps(told), 200 if healthy else 503, media_type="application/json")

    def _told(self) -> dict[str, Any]:
        counts, spool = self.counts, self.spool
        seconds = sorted(counts.write_seconds)
        answers = sum(counts.requests.values())
        failed = sum(n for (_, status), n in counts.requests.items() if status >= 400)
        return {
            "started_at": counts.started_at,
            "told_at": _now(),
            "events_last_minute": counts.last_minute(),
            "write_seconds": {
                "p50": seconds[len(seconds) // 2] if seconds else None,
                "p99": seconds[len(seconds) * 99 // 100] if seconds else None,
            },
            "error_rate": failed / answers if answers else 0.0,
            "queue": {"requests": spool.waiting if spool else 0, "bytes": spool.waiting_bytes if spool else 0},
            "events": [
                {"protocol": protocol, "app": app, "received": n}
                for (protocol, app), n in sorted(counts.events.items())
            ],
            "answers": [
                {"protocol": protocol, "status": status, "requests": n}
                for (protocol, status), n in sorted(counts.requests.items())
            ],
            "landed": dict(counts.landed),
            "landing_error": counts.landing_error,
        }

    def _shown(self, http: HttpRequest, answer: Callable[[], Response]) -> Response:
        """An answer that tells of every app: to this machine, to an admin, and to all while there are no keys."""
        asked = _asked(http.scope)
        scheme, _, bearer = asked.headers.get("authorization", "").partition(" ")
        try:
            secret = bearer.strip() if scheme.lower() == "bearer" else basic_user(asked)
        except RefusedRequest:
            secret = None
        if is_here(http.client) or not self.keys.are_there() or self.keys.find(secret, "admin"):
            return answer()
        told = {"code": 401, "message": "Send an admin key: make one with `footfall keys create --kind admin`."}
        return Response(orjson.dumps(told), 401, {"WWW-Authenticate": "Bearer"}, "application/json")

    async def _stats(self, http: HttpRequest) -> Response:
        return self._shown(http, self._stats_of_all)

    def _stats_of_all(self) -> Response:
        return Response(orjson.dumps(self._told()), media_type="application/json")

    async def _metrics(self, http: HttpRequest) -> Response:
        return self._shown(http, self._metrics_of_all)

    def _metrics_of_all(self) -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        from ingest.collector.metrics import registry

        return Response(generate_latest(registry(self)), media_type=CONTENT_TYPE_LATEST)


async def _browser_script(_: HttpRequest) -> Response:
    """The script for pages, which any page may load."""
    headers = {
        "Cache-Control": "public, max-age=3600",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(BROWSER_SCRIPT, headers=headers, media_type="text/javascript")


def _asked(scope: Scope) -> Request:
    """A request without its body."""
    return Request(*head(scope))


def _refusal(vendor: Vendor, request: Request, status: int, message: str) -> Answer:
    if vendor.refused:
        return vendor.refused(request, status, message)
    return Answer(orjson.dumps({"code": status, "message": message}), status=status)
