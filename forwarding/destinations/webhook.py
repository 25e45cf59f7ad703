"""Addresses of one's own: events as JSON in the envelope's words, signed, so that the receiver knows whose they are."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from forwarding.destinations.destination import Destination, Event, Named, instant, places, without_nulls

_OF_OURS = ("occurred_us", "received_us", "content_hash")


def message(event: Event) -> dict[str, Any]:
    """An event in the envelope's words."""
    times = {"occurred_at": instant(event["occurred_us"]), "received_at": instant(event["received_us"])}
    rest = {name: value for name, value in event.items() if name not in (*_OF_OURS, "properties")}
    return without_nulls(rest) | times | {"properties": event["properties"]}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a body at a time (Unix seconds): HMAC-SHA256 of `TIMESTAMP.BODY`, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _request(secret: str, events: list[Event]) -> tuple[bytes, dict[str, str]]:
    body, timestamp = orjson.dumps({"events": [message(event) for event in events]}), str(int(time.time()))
    ids = ",".join(event["event_id"] for event in events)
    headers = {"Footfall-Timestamp": timestamp, "Footfall-Delivery": hashlib.sha256(ids.encode()).hexdigest()[:32]}
    if secret:
        headers["Footfall-Signature"] = f"v1={signature(secret, timestamp, body)}"
    return body, headers


def named(told: Mapping[str, Any]) -> Named:
    """Which events an answer names: `{"refused": [place, …]}`, or a list of places for each fault."""
    refused = told.get("refused")
    return places(refused if isinstance(refused, dict) else {"refused": refused})


def webhook(url: str, secret: str) -> Destination:
    """An address; its name is made of it, so that two have each their own progress."""
    return Destination(
        name=f"webhook-{hashlib.sha256(url.encode()).hexdigest()[:8]}",
        url=url,
        request=partial(_request, secret),
        largest_events=1000,
        largest_bytes=1_000_000,
        named=named,
    )
