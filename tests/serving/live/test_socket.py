"""On a socket, and by GET: events of a real SDK appear, keys see their own app, and who does not read is dropped."""

import asyncio
import json
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from footfall import Analytics, EventType
from ingest.collector.keys import Keys
from tests.ingest.collector.conftest import serving

FAST = {"FOOTFALL_BATCH_SIZE": "5", "FOOTFALL_FLUSH_INTERVAL_SECONDS": "0.5"}
ADDRESS = "/ws/analytics/live"


def told_until(messages: ClientConnection, is_it: Any) -> Any:
    """The first message that is it."""

    async def read() -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                message: dict[str, Any] = json.loads(await messages.recv())
                if is_it(message):
                    return message

    return read()


def test_events_of_an_sdk_appear_on_the_socket_by_themselves(tmp_path: Path) -> None:
    import segment.analytics

    home = tmp_path / "home"

    async def watch(url: str) -> list[dict[str, Any]]:
        async with connect(url.replace("http", "ws") + ADDRESS) as messages:
            snapshot = json.loads(await messages.recv())
            assert (snapshot["type"], snapshot["events"]) == ("snapshot", 0)
            client = segment.analytics.Client("key", host=url, send=True)
            await asyncio.to_thread(_sell, client)
            sold = await told_until(messages, lambda told: told["type"] == "new_event" and told["amount"])
            active = await told_until(messages, lambda told: told["type"] == "active_users")
            revenue = await told_until(messages, lambda told: told["type"] == "revenue_today")
            client.shutdown()
            return [sold, revenue, active]

    with serving(home, **FAST) as server:
        sold, revenue, active = asyncio.run(watch(server.url))
        assert (sold["event"], sold["amount"], sold["currency"], sold["app"]) == (
            "order_completed",
            99.5,
            "USD",
            "default",
        )
        assert (revenue["amount"], revenue["payments"]) == (99.5, 1) and active["count"] == 1
        answer = httpx.get(f"{server.url}/analytics/realtime", timeout=60).json()
        assert answer["revenue_today"]["amount"] == 99.5 and answer["active_users"]["last_30_minutes"] == 1
        # killed: what was received is there again, from the spool and from landing
        server.stop(signal.SIGKILL)
    with serving(home, **FAST) as again:
        same = httpx.get(f"{again.url}/analytics/realtime", timeout=60).json()
        for name in ("events", "active_users", "revenue_today", "new_registrations", "pages", "popular_content"):
            assert same[name] == answer[name]


def _sell(client: Any) -> None:
    client.track("u-1", "Order Completed", {"revenue": 99.5, "currency": "USD"})
    client.flush()


def test_a_key_sees_its_own_app_alone_and_pages_of_other_sites_see_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secrets = {(kind, app): Keys(home).create(kind, app)[1] for app in ("a", "b") for kind in ("write", "read")}  # type: ignore[arg-type]
    admin = Keys(home).create("admin", "*")[1]

    async def first(url: str, query: str = "", **headers: str) -> dict[str, Any]:
        async with connect(url.replace("http", "ws") + ADDRESS + query, additional_headers=headers) as messages:
            told: dict[str, Any] = json.loads(await messages.recv())
            return told

    with serving(home, **FAST) as server:
        for app in ("a", "b"):
            with Analytics(server.url, secrets["write", app]) as client:
                client.track_event("u", EventType.SIGNUP, properties={"only": app})
                assert client.flush(30)
        for app in ("a", "b"):
            bearer = {"Authorization": f"Bearer {secrets['read', app]}"}
            other = "b" if app == "a" else "a"
            snapshot = asyncio.run(first(server.url, **bearer))
            assert {event["app"] for event in snapshot["recent_events"]} == {app} and snapshot["events"] == 1
            with pytest.raises((InvalidStatus, ConnectionClosed)):
                asyncio.run(first(server.url, f"?app={other}", **bearer))
            get = f"{server.url}/analytics/realtime"
            assert httpx.get(get, headers=bearer, timeout=60).json()["events"] == 1
            assert httpx.get(f"{get}?app={other}", headers=bearer, timeout=60).status_code == 403
        assert asyncio.run(first(server.url, Authorization=f"Bearer {admin}"))["events"] == 2
        assert httpx.get(f"{server.url}/analytics/realtime").status_code == 401
        for headers in (
            {}, {"Authorization": f"Bearer {secrets['write', 'a']}"},
            {"Authorization": f"Bearer {admin}", "Origin": "https://evil.example"},
        ):  # fmt: skip
            with pytest.raises((InvalidStatus, ConnectionClosed)):
                asyncio.run(first(server.url, **headers))
        rebound = {"Authorization": f"Bearer {admin}", "Host": "evil.example"}
        assert httpx.get(f"{server.url}/analytics/realtime", headers=rebound).status_code == 400


def test_who_loses_the_key_loses_the_socket(tmp_path: Path) -> None:
    home = tmp_path / "home"
    key, secret = Keys(home).create("read", "a")
    Keys(home).create("read", "b")

    async def watch(url: str) -> None:
        headers = {"Authorization": f"Bearer {secret}"}
        async with connect(url.replace("http", "ws") + ADDRESS, additional_headers=headers) as messages:
            await messages.recv()
            Keys(home).revoke(key.id)
            with pytest.raises(ConnectionClosed):
                while True:
                    await messages.recv()

    with serving(home, **FAST) as server:
        asyncio.run(asyncio.wait_for(watch(server.url), 60))


def _raw_socket(port: int) -> socket.socket:
    """A socket of the protocol that reads the server's hello, and nothing more."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", port))
    raw.sendall(
        f"GET {ADDRESS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert raw.recv(12) == b"HTTP/1.1 101"
    return raw


def test_a_socket_that_does_not_read_is_dropped_and_the_others_go_on(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def watch(url: str, port: int, client: Analytics) -> None:
        deaf = [_raw_socket(port) for _ in range(3)]
        assert _connections(port, deaf) == 3
        async with connect(url.replace("http", "ws") + ADDRESS) as messages:
            for number in range(120):
                text = f"{number}/" + "x" * 1000
                for event in range(20):
                    properties = {"content_id": f"{event}/{text}"}
                    client.track_event("u", "page_view", properties=properties, page_url=f"/{event}/{text}")
                await told_until(
                    messages, lambda told: told["type"] == "events_per_minute" or told["type"] == "snapshot"
                )
                if not _connections(port, deaf):
                    break
            assert not _connections(port, deaf)
            # and the one that reads is told still
            client.track_event("u", event_name="at last")
            await told_until(messages, lambda told: told.get("event") == "at last")

    with serving(home, **FAST) as server, Analytics(server.url, flush_interval=0.001) as client:
        asyncio.run(watch(server.url, server.port, client))


def _connections(port: int, sockets: list[socket.socket]) -> int:
    """How many of these the server holds open, as the system says."""
    ours = {f"{each.getsockname()[1]:04X}" for each in sockets}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    there = {line[2].split(":")[1] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "01"}
    return len(ours & there)
