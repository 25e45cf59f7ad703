"""The way from a socket to who answers: hosts, browsers, paths, slow senders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.vendors.vendor import Answer, RefusedRequest

RETRY_SECONDS = 2


class Endpoint:
    """A function that answers requests, as an ASGI application."""

    def __init__(self, respond: Callable[[Scope, Receive], Awaitable[Answer]]) -> None:
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        content, media_type, status = await self._respond(scope, receive)
        headers = [(b"content-length", b"%d" % len(content)), (b"content-type", media_type.encode())]
        if status == 503:
            headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


class Door:
    """Lets requests in that are for a host of ours, and tells browsers what they need to hear.

    What is posted to a plain path is most of all, and goes straight to its endpoint, or, when a page posts it, by the
    layer that tells browsers what they need. The rest goes through Starlette's layers; all let in the same. What no
    route of ours is for goes to the `others` at this address, which pages of other sites are not told to read.
    """

    def __init__(self, app: Starlette, hosts: list[str], others: ASGIApp | None = None) -> None:
        found = (route for route in app.routes if isinstance(route, Route) and isinstance(route.endpoint, Endpoint))
        self._endpoints: dict[str, ASGIApp] = {route.path: route.endpoint for route in found if "{" not in route.path}
        self._hosts = {host.encode() for host in hosts}
        # the origin is said back, because some SDKs send credentials, which `*` forbids
        told_to_browsers = CORSMiddleware(
            self._routed,
            allow_origin_regex=".*",
            allow_credentials=True,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
            max_age=86_400,
        )
        self._app = app
        inside = _Sorted(app, told_to_browsers, others) if others else told_to_browsers
        self._layers = TrustedHostMiddleware(inside, allowed_hosts=hosts, www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request, or the server's own messages, to who answers."""
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or not self._is_plain(scope):
            endpoint = self._layers
        await endpoint(scope, receive, send)

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the endpoint of a path without trying one route after another."""
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        await (endpoint or self._app)(scope, receive, send)

    def _is_plain(self, scope: Scope) -> bool:
        host = None
        for name, value in scope["headers"]:
            if name == b"origin":
                return False
            if name == b"host":
                host = value
        return scope["method"] == "POST" and host is not None and host.partition(b":")[0] in self._hosts


class _Sorted:
    """What a route of ours is for, and what is for others."""

    def __init__(self, app: Starlette, ours: ASGIApp, others: ASGIApp) -> None:
        routes = [route for route in app.routes if isinstance(route, Route)]
        self._plain = {route.path for route in routes}
        self._patterns = [route.path_regex for route in routes if "{" in route.path]
        self._ours, self._others = ours, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "lifespan" or (scope["type"] == "http" and self._is_ours(scope["path"]))
        await (self._ours if is_ours else self._others)(scope, receive, send)

    def _is_ours(self, path: str) -> bool:
        return path in self._plain or any(pattern.match(path) for pattern in self._patterns)


class Timer:
    """Cancels its task after some seconds, and makes a TimeoutError of that: asyncio.timeout at a fifth of the cost."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._is_late = seconds, False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._pass)

    def _pass(self) -> None:
        self._is_late = True
        assert self._task is not None
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timer.cancel()
        if self._is_late and self._task is not None and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError


async def whole_body(receive: Receive, most_bytes: int, seconds: float) -> bytes:
    """The body of a request, once it is there.

    Raises:
        RefusedRequest: 413 when it is larger, 408 when it takes longer, 400 when its sender is gone.
    """
    chunks, size = [], 0
    try:
        with Timer(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise RefusedRequest(400, "The sender went away.")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > most_bytes:
                    raise RefusedRequest(413, f"The body is larger than {most_bytes} bytes. Send less at once.")
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise RefusedRequest(408, "The body took too long to arrive. Send it again.") from None


def both(path: str, endpoint: Endpoint) -> list[Route]:
    """A path with and without a slash at its end: a redirect between the two breaks preflights."""
    return [Route(each, endpoint, methods=["GET", "POST"]) for each in (path, f"{path}/")]


def head(scope: Scope) -> tuple[str, str, dict[str, str], dict[str, str]]:
    """The method, path, query and headers of a request; of a header that stands twice the first counts."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
    query = dict(QueryParams(scope["query_string"])) if scope["query_string"] else {}
    return scope["method"], scope["path"].rstrip("/") or "/", query, headers
