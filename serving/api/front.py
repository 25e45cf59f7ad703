"""Before the routes: who asks, what has been answered already, and whether the asker has it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.collector.door import whole_body
from ingest.vendors.vendor import RefusedRequest
from serving.access import AccessError
from serving.api.answers import PUBLICATION
from serving.api.problems import Problem
from serving.publications import current_id
from serving.server import Shared
from serving.settings import ApiSettings

# a question is far smaller, and soon there
LARGEST_BODY, BODY_SECONDS = 2**20, 20.0
# a POST to these asks and changes nothing
QUESTIONS = ("/api/v1/analytics/questions", "/api/v1/analytics/funnel")
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Kept:
    """An answer that was given."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


class Cache:
    """The answers given last, up to so many bytes; each is of a publication, which does not change."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    def get(self, key: Key) -> Kept | None:
        """The answer of this key, if it is kept still."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: Key, kept: Kept) -> None:
        """Keep an answer, in place of those that were asked for the longest time ago."""
        if len(kept.body) * 4 > self._most or key in self._kept:
            return
        self._kept[key] = kept
        self._bytes += len(kept.body)
        while self._bytes > self._most:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped.body)


class Front:
    """Answers what it can, and lets the routes answer the rest."""

    def __init__(self, app: ASGIApp, shared: Shared, settings: ApiSettings) -> None:
        self._app, self._shared = app, shared
        self._cache = Cache(settings.answer_cache_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        asked = HTTPConnection(scope)
        try:
            state["reader"] = reader = self._shared.access.reader(asked)
        except AccessError as refused:
            state["reader"] = refused
            await self._app(scope, receive, send)
            return
        is_question = scope["method"] == "POST" and scope["path"] in QUESTIONS
        if not is_question and scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        body = b""
        if is_question:
            try:
                body = await whole_body(receive, LARGEST_BODY, BODY_SECONDS)
            except RefusedRequest as refused:
                await Problem(refused.status, str(refused)).response()(scope, receive, send)
                return
            receive = _again(body, receive)
        said = hashlib.sha256(body).digest() if body else b""
        key = (reader.app, scope["method"], scope["path"], scope["query_string"], asked.headers.get("accept"), said)
        published = current_id(self._shared.home)
        state["same"] = (published, *key)
        etag = _etag(published, key)
        if published and etag in asked.headers.get("if-none-match", ""):
            await _send(send, 304, [(b"etag", etag.encode()), *_SHARED_HEADERS], b"")
            return
        if kept := self._cache.get(state["same"]):
            await _send(send, 200, kept.headers, kept.body)
            return
        await self._app(scope, receive, _Keeping(send, self._cache, key))


class _Keeping:
    """Sends on, with an ETag, and keeps what is of a publication."""

    def __init__(self, send: Send, cache: Cache, key: Key) -> None:
        self._send, self._cache, self._key = send, cache, key
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._publication = ""
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            published = next((value for name, value in message["headers"] if name == PUBLICATION.encode()), None)
            if published is not None and message["status"] == 200:
                self._publication = published.decode()
                etag = _etag(self._publication, self._key).encode()
                self._headers = [*message["headers"], (b"etag", etag), *_SHARED_HEADERS]
                message = {**message, "headers": self._headers}
        elif self._headers is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self._cache.put((self._publication, *self._key), Kept(self._headers, self._body))
        await self._send(message)


_SHARED_HEADERS = [(b"cache-control", b"private, no-cache"), (b"vary", b"Accept, Authorization, Cookie")]


def _etag(published: str | None, key: Key) -> str:
    digest = hashlib.sha256(repr(key).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f'"{published}-{digest}"'


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _again(body: bytes, receive: Receive) -> Receive:
    """The body, which has been read, and then whatever follows it."""
    waiting = [body]

    async def received() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return received
