"""Who may read what: this machine while a home has no keys, a read key its one app, an admin key all, and to change.

A request brings its key as `Authorization: Bearer KEY`, as the user of Basic, or in the cookie that the pages' form
sets. A page of another site can bring none, so that it can neither read nor change anything here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from ingest.collector.keys import Keys
from ingest.collector.settings import is_here

COOKIE = "footfall_key"
COOKIE_SECONDS = 30 * 86_400
CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class AccessError(Exception):
    """A request that may not be answered: its status (401: bring a key; 403: not with this one), and why in words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class _OfApp:
    """Who sends a request: of one app, or where it is None of any."""

    app: str | None = None
    # what is said to who asks for another app
    refusal: ClassVar[str]

    def app_of(self, asked: str | None) -> str | None:
        """The app that a request is of, by what it asks for; raise AccessError where that is not the sender's."""
        if self.app is None or asked in (None, self.app):
            return asked if self.app is None else self.app
        raise AccessError(403, self.refusal.format(app=self.app))


@dataclass(frozen=True)
class Reader(_OfApp):
    """Who asks.

    Attributes:
        app: the one app that is read, or None where all may be.
        is_admin: whether it may change: build, define, erase.
    """

    is_admin: bool = True
    refusal = "This key reads the app {app!r} alone. Leave `app` out, or send another key."

    def must_be_admin(self) -> None:
        """Raise AccessError where it is none."""
        if not self.is_admin:
            raise AccessError(403, "This takes an admin key: make one with `footfall keys create --kind admin`.")


@dataclass(frozen=True)
class Writer(_OfApp):
    """Who adds events: of one app, or where it is None of any."""

    refusal = "This key sends events of the app {app!r} alone. Send another key."


class Access:
    """Who may read a home, and add to it."""

    def __init__(self, home: Path) -> None:
        self._keys = Keys(home)

    @property
    def has_keys(self) -> bool:
        """Whether a key is needed; if none is, this machine alone may read."""
        return self._keys.are_there()

    def reader(self, asked: HTTPConnection) -> Reader:
        """Who sent this request or opens this WebSocket.

        Raises:
            AccessError: when it brings no key that reads, or comes from a page of another site.
        """
        refuse_other_sites(asked)
        if not self.has_keys:
            if is_here(asked.client):
                return Reader()
            raise AccessError(
                401, "This home has no keys, so that its own machine alone reads it. Make one: `footfall keys create`."
            )
        return self.reader_of(secret_of(asked.headers, asked.cookies))

    def writer(self, asked: HTTPConnection) -> Writer:
        """Who adds events by this request: a write key of its own app, an admin key, and while there are no keys all.

        Raises:
            AccessError: when it brings no key that writes, or comes from a page of another site.
        """
        refuse_other_sites(asked)
        if not self.has_keys:
            self.reader(asked)
            return Writer()
        secret = secret_of(asked.headers, asked.cookies)
        if self._keys.find(secret, "admin"):
            return Writer()
        if key := self._keys.find(secret, "write"):
            return Writer(key.app)
        if self._keys.find(secret, "read"):
            raise AccessError(403, "This key only reads. Make one that sends: `footfall keys create --kind write`.")
        raise AccessError(401, "Send a write or an admin key as `Authorization: Bearer KEY`.")

    def reader_of(self, secret: str | None) -> Reader:
        """Who has this key; raise AccessError where it reads nothing."""
        if self._keys.find(secret, "admin"):
            return Reader()
        if key := self._keys.find(secret, "read"):
            return Reader(key.app, is_admin=False)
        if self._keys.find(secret, "write"):
            raise AccessError(403, "This key sends events. Make one that reads: `footfall keys create --kind read`.")
        raise AccessError(
            401, "Send a read or an admin key as `Authorization: Bearer KEY`; `footfall keys create` makes one."
        )


def refuse_other_sites(asked: HTTPConnection) -> None:
    """Raise AccessError for what a page of another site would change or listen to, whatever key it brings."""
    origin = asked.headers.get("origin")
    if origin is None or (asked.scope["type"] == "http" and asked.scope["method"] not in CHANGING):
        return
    if urlsplit(origin).netloc.lower() != asked.headers.get("host", "").lower():
        raise AccessError(403, f"The page at {origin} is of another site, and may change nothing here.")


def secret_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str | None:
    """The key that a request brings."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given.strip(), validate=True).decode().partition(":")[0]
        except ValueError:
            return None
    return cookies.get(COOKIE)


def remember(response: Response, secret: str, asked: HTTPConnection) -> None:
    """Let the browser bring a key from now on, which no script and no other site can read or send."""
    response.set_cookie(
        COOKIE, secret, max_age=COOKIE_SECONDS, httponly=True, samesite="strict", secure=asked.url.scheme == "https"
    )


def forget(response: Response) -> None:
    """Take the key back from the browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
