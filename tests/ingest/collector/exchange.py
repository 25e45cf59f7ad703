"""Requests to a collector in this process: answered, and landed when it closes."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import orjson

from ingest.collector.app import Collector
from ingest.collector.settings import CollectorSettings
from ingest.collector.spool import spool_dir

Answers = list[httpx.Response]


def exchange(home: Path, *requests: dict[str, Any], **settings: Any) -> Answers:
    """Send requests (keywords of httpx, `path` and perhaps `method`) and close: what was received has landed."""

    async def run() -> Answers:
        collector = Collector(home, CollectorSettings(**settings))
        app = collector.asgi()
        async with collector.running():
            transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                answers = [
                    await client.request(request.get("method", "POST"), request["path"], **_rest(request))
                    for request in requests
                ]
        assert collector.counts.landing_error is None, collector.counts.landing_error
        return answers

    return asyncio.run(run())


def leave_received(home: Path, *event_ids: str) -> None:
    """What a server leaves that is killed while it writes another line than that of these events."""
    told = {"holds": len(event_ids), "receipt_id": "r1", "received_at": "2025-03-01T00:00:00Z", "app": "shop"}
    messages = [
        {"type": "track", "event": "x", "messageId": each, "userId": "u", "timestamp": "2025-03-01T00:00:00Z"}
        for each in event_ids
    ]
    line = orjson.dumps(told | {"path": "/v1/batch", "body": {"batch": messages}}) + b"\n"
    folder = spool_dir(home) / "segment"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "20250301T000000_000000_abc.open").write_bytes(line + line[: len(line) // 2])


def basic(key: str) -> dict[str, str]:
    """The header by which a key is sent as a user without a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def _rest(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in ("method", "path")}
