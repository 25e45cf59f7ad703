"""What is live over HTTP: one answer, and a socket that is told what changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from serving.access import Access, AccessError
from serving.live.window import Window, changes
from serving.publications import current_publication, read_catalog
from serving.server import Shared

log = logging.getLogger("footfall.live")
# how often there is something new at the most, and which share of the time working it out may take
INTERVAL, SHARE = 1.0, 0.25
# what was told so long ago is what there is
FRESH_SECONDS = 2.0
# nobody looks: after so long nothing is worked out until somebody does
IDLE_SECONDS = 10.0
# who does not take what is sent is dropped after so long
SLOW_SECONDS = 5.0
# how often it is looked at whether keys still hold
ACCESS_SECONDS = 5.0
MOST_SOCKETS = 5_000
# of many events that come within a second a socket is told the last ones
MOST_TOLD = 20
TRY_AGAIN_LATER, POLICY = 1013, 1008


@dataclass
class _Scope:
    """What is shown of one app, or of all, and who looks."""

    told: dict[str, Any] | None = None
    told_at: float = 0.0
    asked_at: float = 0.0
    sockets: set[_Socket] = field(default_factory=set)
    waiting: list[asyncio.Future[dict[str, Any]]] = field(default_factory=list)


class Live:
    """What a home has received lately, for those who look. While nobody does, nothing is read or worked out."""

    def __init__(self, home: Path, access: Access | None = None, window: Callable[[], Window] | None = None) -> None:
        self._home, self._access = home, access or Access(home)
        self._make_window = window or (lambda: Window(home, _settings(home)))
        self._scopes: dict[str | None, _Scope] = {}
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: str | None = None

    def routes(self) -> list[BaseRoute]:
        """The routes; the application that holds them runs `running` as its lifespan."""
        return [
            Route("/analytics/realtime", self._realtime, methods=["GET"]),
            WebSocketRoute("/ws/analytics/live", self._socket),
        ]

    @contextlib.asynccontextmanager
    async def running(self, _: object = None) -> AsyncIterator[None]:
        """Watch for the time of a with block."""
        self._loop = asyncio.get_running_loop()
        self._ended.clear()
        self._thread = threading.Thread(target=self._work, name="live", daemon=True)
        self._thread.start()
        keeping = self._loop.create_task(self._keep_out())
        try:
            yield
        finally:
            keeping.cancel()
            self._ended.set()
            self._wanted.set()
            for scope in self._scopes.values():
                for socket in [*scope.sockets]:
                    socket.drop()
            await asyncio.to_thread(self._thread.join)

    # --- in the loop --------------------------------------------------------------------------------------------------

    async def _realtime(self, request: Request) -> Response:
        try:
            app = self._access.reader(request).app_of(request.query_params.get("app"))
        except AccessError as refused:
            return _problem(refused.status, str(refused))
        scope = self._look(app)
        if scope.told is None or time.monotonic() - scope.told_at > FRESH_SECONDS:
            future = asyncio.get_running_loop().create_future()
            scope.waiting.append(future)
            scope.asked_at = time.monotonic()
            self._wanted.set()
            try:
                told = await asyncio.wait_for(future, 30)
            except (TimeoutError, RuntimeError):
                return _problem(503, f"What is live cannot be told: {self.fault or 'it takes too long'}. Ask again.")
        else:
            scope.asked_at = time.monotonic()
            told = scope.told
        return Response(_json(_shown(told)), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def _socket(self, websocket: WebSocket) -> None:
        try:
            app = self._access.reader(websocket).app_of(websocket.query_params.get("app"))
        except AccessError as refused:
            await websocket.close(POLICY, str(refused)[:120])
            return
        if sum(len(scope.sockets) for scope in self._scopes.values()) >= MOST_SOCKETS:
            await websocket.close(TRY_AGAIN_LATER, "Too many look at once.")
            return
        await websocket.accept()
        scope = self._look(app)
        socket = _Socket(websocket)
        scope.sockets.add(socket)
        self._wanted.set()
        if scope.told is not None and time.monotonic() - scope.told_at < FRESH_SECONDS:
            self._send(socket, [_snapshot(scope.told)])
        else:
            # nobody looked for a while: who looks now is told what there is when it is known
            scope.told = None
        try:
            await socket.gone()
        finally:
            scope.sockets.discard(socket)

    def _look(self, app: str | None) -> _Scope:
        return self._scopes.setdefault(app, _Scope())

    def _tell(self, app: str | None, told: dict[str, Any]) -> None:
        """What there is now, from the thread that worked it out."""
        scope = self._look(app)
        before, scope.told, scope.told_at = scope.told, told, time.monotonic()
        for future in scope.waiting:
            if not future.done():
                future.set_result(told)
        scope.waiting.clear()
        if not scope.sockets:
            return
        new = [*changes(before, told)]
        events = [message for message in new if message["type"] == "new_event"]
        others = [message for message in new if message["type"] != "new_event"]
        texts = [_json(message) for message in [*events[-MOST_TOLD:], *others]]
        whole = None
        now = time.monotonic()
        for socket in [*scope.sockets]:
            if socket.busy_since is not None:
                socket.missed = True
                if now - socket.busy_since > SLOW_SECONDS:
                    scope.sockets.discard(socket)
                    socket.drop()
            elif socket.missed or before is None:
                whole = whole or [_snapshot(told)]
                self._send(socket, whole)
            elif texts:
                self._send(socket, texts)

    def _send(self, socket: _Socket, texts: list[str]) -> None:
        socket.busy_since, socket.missed = time.monotonic(), False
        task = asyncio.get_running_loop().create_task(socket.send(texts))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fail(self, apps: list[str | None]) -> None:
        for app in apps:
            for future in self._look(app).waiting:
                if not future.done():
                    future.set_exception(RuntimeError(self.fault or "no answer"))
            self._look(app).waiting.clear()

    async def _keep_out(self) -> None:
        """Close the sockets of who may not look any more."""
        while True:
            await asyncio.sleep(ACCESS_SECONDS)
            looked_at = self._looked_at()
            for app, scope in [*self._scopes.items()]:
                for socket in [*scope.sockets]:
                    if not self._may_still(socket.websocket, app):
                        scope.sockets.discard(socket)
                        socket.drop()
                if app not in looked_at:
                    del self._scopes[app]

    def _may_still(self, websocket: WebSocket, app: str | None) -> bool:
        try:
            return self._access.reader(websocket).app_of(websocket.query_params.get("app")) == app
        except AccessError:
            return False

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        window: Window | None = None
        while not self._ended.is_set():
            apps = self._looked_at()
            if not apps:
                self._wanted.clear()
                if not self._looked_at():
                    self._wanted.wait()
                continue
            began = time.monotonic()
            try:
                window = window or self._make_window()
                now = datetime.now(UTC)
                window.take_in(now)
                for app in apps:
                    self._in_loop(self._tell, app, window.figures(app, now))
                self.fault = None
            except Exception as error:  # what is wrong may be over the next time
                self.fault = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
                log.exception("what is live could not be worked out")
                window = None
                self._in_loop(self._fail, apps)
            took = time.monotonic() - began
            self._ended.wait(max(INTERVAL - took, took / SHARE - took))
        if window:
            window.close()

    def _looked_at(self) -> list[str | None]:
        now = time.monotonic()
        return [
            app
            for app, scope in [*self._scopes.items()]
            if scope.sockets or scope.waiting or (scope.asked_at and now - scope.asked_at < IDLE_SECONDS)
        ]

    def _in_loop(self, function: Callable[..., None], *told: Any) -> None:
        loop = self._loop
        if loop is not None and not self._ended.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(function, *told)


class _Socket:
    """One who looks. What is being sent is all that is kept for it."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.busy_since: float | None = None
        self.missed = False
        self._gone = asyncio.Event()

    async def send(self, texts: list[str]) -> None:
        """Send messages; who cannot take them is gone."""
        try:
            for text in texts:
                await self.websocket.send({"type": "websocket.send", "text": text})
        except Exception:  # each server of sockets has its own for one that is closed
            self.drop()
        finally:
            self.busy_since = None

    async def gone(self) -> None:
        """Return when the other side has left, or was dropped."""
        listening = asyncio.create_task(self._listen())
        dropped = asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait((listening, dropped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            dropped.cancel()
        if self._gone.is_set() and self.websocket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.websocket.close(TRY_AGAIN_LATER), 1)

    def drop(self) -> None:
        """Let it go."""
        self._gone.set()

    async def _listen(self) -> None:
        """What is said here is not listened to; that it is over is."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while (await self.websocket.receive())["type"] != "websocket.disconnect":
                pass


def live(shared: Shared) -> Starlette:
    """What is live, as a part of a server."""
    watched = Live(shared.home, shared.access)
    return Starlette(routes=watched.routes(), lifespan=watched.running)


def _settings(home: Path) -> Mapping[str, object] | None:
    """The settings that the published numbers were made with, so that what is live is counted alike."""
    publication = current_publication(home)
    if publication is None:
        return None
    settings: Mapping[str, object] | None = read_catalog(publication).get("inputs", {}).get("settings")
    return settings


def _shown(told: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without what only the server counts by."""
    events = [{name: value for name, value in event.items() if name != "number"} for event in told["recent_events"]]
    return {**told, "recent_events": events}


def _snapshot(told: Mapping[str, Any]) -> str:
    return _json({"type": "snapshot", **_shown(told)})


def _json(told: Any) -> str:
    return orjson.dumps(told).decode()


def _problem(status: int, why: str) -> Response:
    titles = {401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable"}
    told = {"type": "about:blank", "title": titles[status], "status": status, "detail": why}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "1"} if status == 503 else {}
    return Response(orjson.dumps(told), status, headers, "application/problem+json")
