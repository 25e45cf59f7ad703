"""The two ways for events to go: to a server by HTTP, and into a home on disk."""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from footfall.sending import Rejected, TooLarge, TryAgain

EVENTS = "/api/v1/analytics/events"
MOST_ANSWER_BYTES = 256 * 2**20


class AnalyticsError(Exception):
    """What was asked could not be answered; the words say why, and what to mend."""


class Server:
    """A `footfall serve`, told by its address: `https://analytics.example.org`, with a path before it or without.

    A connection is kept open and belongs to one thread.
    """

    def __init__(self, host: str, key: str | None, timeout: float) -> None:
        parts = urlsplit(host if "://" in host else f"http://{host}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{host!r} is no address of a server. Write one such as https://analytics.example.org.")
        self._is_safe, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._base, self._key, self._timeout = parts.path.rstrip("/"), key, timeout
        self._own = threading.local()
        _SERVERS.add(self)

    def send(self, events: list[bytes]) -> None:
        """Post a batch."""
        body = b'{"events":[%b]}' % b",".join(events)
        try:
            status, headers, content = self.request("POST", EVENTS, body)
        except (OSError, http.client.HTTPException) as fault:
            raise TryAgain(f"{self._host} cannot be reached: {fault or type(fault).__name__}") from None
        if 200 <= status < 300:
            return
        told = f"{status} {_words(content)}"
        if status == 413:
            raise TooLarge(told)
        if status in (408, 425, 429) or status >= 500:
            raise TryAgain(told, retry_after(headers.get("retry-after")))
        raise Rejected(told)

    def choose(self, person: str, opts_out: bool) -> None:
        """Tell whether a person wants to be counted."""
        path = "/privacy/opt-out" if opts_out else "/privacy/opt-in"
        self.ask("POST", path, body={"user_id": person, "anonymous_id": person})

    def forget(self) -> None:
        """A child opens connections of its own."""
        self._own = threading.local()

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: object = None,
        timeout: float | None = None,
    ) -> Any:
        """The JSON answer to a request.

        Raises:
            AnalyticsError: when there is none.
        """
        told = {name: value for name, value in (query or {}).items() if value is not None}
        sent = None if body is None else json.dumps(body).encode()
        address = f"{path}?{urlencode(told)}" if told else path
        try:
            status, _, content = self.request(method, address, sent, timeout)
        except (OSError, http.client.HTTPException) as fault:
            raise AnalyticsError(f"{self._host} cannot be reached: {fault or type(fault).__name__}") from fault
        if not 200 <= status < 300:
            raise AnalyticsError(f"{method} {path}: {status} {_words(content)}")
        try:
            return json.loads(content)
        except ValueError as fault:
            raise AnalyticsError(f"{method} {path}: the answer is no JSON. Is {self._host} a Footfall?") from fault

    def request(
        self, method: str, path: str, body: bytes | None = None, timeout: float | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request; a connection that the server closed meanwhile is opened again."""
        kept: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        for connection in (kept, None):
            if connection is None:
                connection = self._connect()
                is_fresh = True
            else:
                is_fresh = False
            try:
                return self._request(connection, method, path, body, timeout or self._timeout)
            except (http.client.HTTPException, OSError) as fault:
                connection.close()
                self._own.connection = None
                if is_fresh or isinstance(fault, TimeoutError):
                    raise
        raise AssertionError("a fresh connection answers or raises")

    def _request(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, timeout: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = {"User-Agent": "footfall-python", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.request(method, self._base + path, body, headers)
        answer = connection.getresponse()
        content = answer.read(MOST_ANSWER_BYTES)
        if answer.length:  # asked for so many bytes, http.client takes fewer for all
            raise http.client.IncompleteRead(content, answer.length)
        told = {name.lower(): value for name, value in answer.getheaders()}
        if answer.will_close or not answer.isclosed():
            connection.close()
            self._own.connection = None
        else:
            self._own.connection = connection
        return answer.status, told, content

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_safe:
            import ssl

            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


_SERVERS: weakref.WeakSet[Server] = weakref.WeakSet()


def _after_fork() -> None:
    for server in list(_SERVERS):
        server.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Home:
    """A home on this machine's disk: events go where its server would put what it receives, and land with it."""

    def __init__(self, home: Path, app: str) -> None:
        # now, because an interpreter that ends, or a child forked in the midst of an import, cannot import any more
        from ingest.collector.local import choose_locally, make_ready, receive_locally

        make_ready(home, app)
        self.path, self._app, self._receive, self._choose = home, app, receive_locally, choose_locally

    def send(self, events: list[bytes]) -> None:
        """Write a batch into the spool."""
        try:
            self._receive(self.path, self._app, b'{"events":[%b]}' % b",".join(events), len(events))
        except OSError as fault:
            raise TryAgain(f"{self.path} cannot be written: {fault}") from None

    def choose(self, person: str, opts_out: bool) -> None:
        """Write into the home whether a person wants to be counted."""
        try:
            self._choose(self.path, self._app, person, opts_out)
        except (OSError, ValueError) as fault:
            raise AnalyticsError(f"{self.path}: {fault}") from fault

    def forget(self) -> None:
        """Nothing is kept open."""


def _words(content: bytes) -> str:
    """What an answer says of a fault."""
    try:
        told = json.loads(content)
    except ValueError:
        return content[:200].decode("utf-8", "replace")
    if isinstance(told, dict):
        for name in ("detail", "message", "error", "title"):
            if isinstance(told.get(name), str):
                return str(told[name])[:500]
    return str(told)[:500]


def retry_after(told: str | None) -> float | None:
    """In how many seconds Retry-After asks to come again, by seconds or a date; None where it says neither."""
    text = (told or "").strip()
    if re.fullmatch(r"[0-9]+(?:\.[0-9]*)?", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
