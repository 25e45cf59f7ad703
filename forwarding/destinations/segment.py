"""Segment's batch API, which RudderStack, Jitsu and Footfall speak too; the inverse of `ingest.vendors.segment`."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import orjson

from forwarding.destinations.destination import Destination, Event, instant, is_of_nobody, major_units, without_nulls
from ingest.vendors.money import decimals
from ingest.vendors.segment import TYPES

_NAMES = {"$identify": "identify", "$set": "identify", "$groupidentify": "group", "$create_alias": "alias"}


def message(event: Event) -> dict[str, Any]:
    """An event as a message: an identify, a group or an alias where its name says so, else a track."""
    sent: dict[str, Any] = dict(event["properties"])
    name = _NAMES.get(event["event_name"], event["event_name"])
    kind = name if name in TYPES and name != "track" else "track"
    told: dict[str, Any] = {
        "type": kind,
        "messageId": event["event_id"],
        "timestamp": instant(event["occurred_us"]),
        "userId": event["user_id"],
        "anonymousId": event["anonymous_id"],
        "context": _context(event),
    }
    if kind == "track":
        told["event"] = event["event_name"]
    elif kind in ("page", "screen"):
        told |= {"name": sent.pop("name", None), "category": sent.pop("category", None)}
    elif kind == "identify":
        told["traits"] = sent.pop("$set", None)
    elif kind == "group":
        told |= {"groupId": event["account_id"], "traits": sent.pop("$group_set", None)}
    else:
        told["previousId"] = sent.pop("previous_id", None)
    told["properties"] = without_nulls({"revenue": major_units(sent, decimals(sent.get("currency")))}) | sent
    return without_nulls(told)


def _context(event: Event) -> dict[str, Any]:
    utm = {"source": "utm_source", "medium": "utm_medium", "name": "utm_campaign"}
    utm |= {"term": "utm_term", "content": "utm_content"}
    page = {"url": event["page_url"], "title": event["page_title"], "referrer": event["referrer"]}
    return without_nulls(
        {
            "page": without_nulls(page),
            "campaign": without_nulls({theirs: event[ours] for theirs, ours in utm.items()}),
            "device": without_nulls({"type": event["device_type"]}),
            "os": without_nulls({"name": event["os"]}),
            "location": without_nulls({name: event[name] for name in ("country", "region", "city")}),
            "locale": event["locale"],
            "userAgent": event["user_agent"],
            "ip": event["ip"],
            "library": without_nulls({"name": event["library"]}),
            "sessionId": event["session_id"],
            "groupId": event["account_id"],
        }
    )


def _request(key: str, events: list[Event]) -> tuple[bytes, dict[str, str]]:
    user = base64.b64encode(f"{key}:".encode()).decode()
    # without the time of sending: clocks were corrected when the events came in
    return orjson.dumps({"batch": [message(event) for event in events]}), {"Authorization": f"Basic {user}"}


def segment(key: str, url: str) -> Destination:
    """A source of Segment's, or of who speaks its protocol."""
    return Destination(
        name="segment",
        url=url,
        request=partial(_request, key),
        largest_events=500,
        largest_bytes=480_000,
        unfit=is_of_nobody,
        vendor="segment",
    )
