"""A server of the small home of two apps, in this process, and one with keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.collector.keys import Keys
from serving.api import api
from serving.server import Backstage, Shared, application
from tests.serving.api.homes import two_apps


@dataclass
class Server:
    """What answers requests of this machine; `keys` are by kind."""

    shared: Shared
    app: Any
    keys: Mapping[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx.Response:
        """One request, with the key of this kind."""
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {self.keys[key]}"} if key else {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(ask())

    def get(self, path: str, key: str | None = None, **options: Any) -> httpx.Response:
        """One GET."""
        return self.request("GET", path, key, **options)

    def ask(self, question: Any, key: str | None = None, **options: Any) -> httpx.Response:
        """One question."""
        return self.request("POST", "/api/v1/analytics/questions", key, json=question, **options)


def server_of(home: Path, keys: Mapping[str, str] | None = None, backstage: Backstage | None = None) -> Server:
    shared = Shared.of(home, backstage=backstage)
    return Server(shared, application(shared, [api(shared)], receives=False), keys or {})


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_apps(tmp_path_factory.mktemp("two_apps") / "home")


@pytest.fixture(scope="session")
def open_server(home: Path) -> Iterator[Server]:
    """Without keys: this machine reads all."""
    server = server_of(home)
    yield server
    server.shared.snapshots.close()


def with_keys(home: Path) -> Server:
    """With a key of each kind: `shop` reads the one app, `write` sends its events, `admin` may all."""
    keys = Keys(home)
    made = {"shop": keys.create("read", "shop")[1], "write": keys.create("write", "shop")[1]}
    return server_of(home, {**made, "admin": keys.create("admin", "*")[1]})


@pytest.fixture(scope="session")
def kept_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With keys, and two apps."""
    server = with_keys(two_apps(tmp_path_factory.mktemp("kept") / "home"))
    yield server
    server.shared.snapshots.close()


@pytest.fixture(scope="session")
def alone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With keys, and one app alone."""
    server = with_keys(two_apps(tmp_path_factory.mktemp("alone") / "home", apps=("shop",)))
    yield server
    server.shared.snapshots.close()
