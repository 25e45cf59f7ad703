"""One server of several parts: what they share, and which of them a request is for.

A part is a Starlette application whose routes begin with words of their own: `/api`, `/analytics`, `/ws`. What no part
claims is for the last one, which is that of the pages where they are served.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.collector.app import Collector
from serving.access import Access
from serving.snapshots import Snapshots


class CannotStart(Exception):
    """A work cannot be started now; the message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """One run of a long work, in a process of its own.

    Attributes:
        id: names it.
        kind: what is done: `build`, …
        status: `running`, `succeeded` or `failed`.
        started_at, ended_at: ISO 8601 in UTC.
        finished, total: how many steps are done, of how many; null while nobody knows.
        step: the last one.
        message: what came of it, or why it failed.
        result: what it leaves for whoever asks, by name.
    """

    id: str
    kind: str
    status: str
    started_at: str
    ended_at: str | None = None
    finished: int | None = None
    total: int | None = None
    step: str | None = None
    message: str | None = None
    result: dict[str, Any] = field(default_factory=dict)


class Backstage(Protocol):
    """What the rooms behind the readers do for them: `orchestration` hands it to the server that it starts."""

    def start(self, kind: str, options: Mapping[str, Any]) -> Run:
        """Start a work of a kind, or return the build that is running; raise CannotStart."""

    def run(self, run_id: str) -> Run | None:
        """The run of this id, or None."""

    def settings(self) -> dict[str, Any]:
        """Every setting in force: its value and where it comes from."""

    def define_experiment(self, definition: Any) -> tuple[Any, bool]:
        """Write a definition into the seeds; return it, and whether its key is new."""


@dataclass(frozen=True)
class Shared:
    """What the parts of one server share.

    Attributes:
        home: the folder of all state.
        app: the app of events while the home has no keys.
        collector: receives for the home; it is at work where the server has a part for it.
        is_live: whether what is live is a part of the server.
    """

    home: Path
    app: str
    collector: Collector
    snapshots: Snapshots
    access: Access
    backstage: Backstage | None = None
    is_live: bool = False

    @classmethod
    def of(
        cls, home: Path, app: str = "default", backstage: Backstage | None = None, *, is_live: bool = False
    ) -> Shared:
        """What a server of this home shares."""
        return cls(home, app, Collector(home, app_without_keys=app), Snapshots(home), Access(home), backstage, is_live)


Part = Callable[[Shared], Starlette]


def application(shared: Shared, parts: list[Starlette], *, receives: bool = True) -> ASGIApp:
    """One ASGI application of the parts, with the collector before them where the server receives."""

    @asynccontextmanager
    async def running(_: Starlette | None = None) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(shared.snapshots.close)
            if receives:
                await stack.enter_async_context(shared.collector.running())
            for part in parts:
                await stack.enter_async_context(part.router.lifespan_context(part))
            yield

    by_word = _ByFirstWord(parts) if parts else None
    if receives:
        return shared.collector.asgi(by_word, running)
    whole = Starlette(lifespan=running)
    if by_word:
        whole.mount("/", by_word)
    return TrustedHostMiddleware(whole, allowed_hosts=shared.collector.settings.hosts, www_redirect=False)


class _ByFirstWord:
    """The part that has routes below the first word of a path; none is looked through for one that is not its own.

    A path without parameters is its part's also where the word is another's.
    """

    def __init__(self, parts: list[Starlette]) -> None:
        self._last = parts[-1]
        self._by_word: dict[str, Starlette] = {}
        self._by_path: dict[str, Starlette] = {}
        for part in parts:
            for path in _paths(part):
                owner = self._by_word.setdefault(_first_word(path), part) if _first_word(path) else part
                if owner is part:
                    continue
                if "{" in path or path in _paths(owner):
                    raise ValueError(f"Two parts of the server have routes below /{_first_word(path)}.")
                self._by_path[path] = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        part = self._by_path.get(path) or self._by_word.get(_first_word(path), self._last)
        await part(scope, receive, send)


def _paths(part: Starlette) -> set[str]:
    """Where a part has routes; FastAPI tells those of its routers in its description alone."""
    found = {route.path for route in part.routes if isinstance(route, Route | WebSocketRoute | Mount)}
    return found | set(part.openapi()["paths"] if isinstance(part, FastAPI) else ())


def _first_word(path: str) -> str:
    return path.removeprefix("/").split("/", 1)[0]
