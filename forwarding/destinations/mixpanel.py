"""Mixpanel's import API, which checks each event and names those that it does not take.

The inverse of `ingest.vendors.mixpanel`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from forwarding.destinations.destination import Destination, Event, Named, major_units, without_nulls
from ingest.vendors.money import decimals

_INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")


def insert_id(event_id: str) -> str:
    """The id by which Mixpanel knows an event again: ours, or a digest of it where that is none that Mixpanel takes."""
    return event_id if _INSERT_ID.fullmatch(event_id) else hashlib.md5(event_id.encode()).hexdigest()


def message(event: Event) -> dict[str, Any]:
    """An event in Mixpanel's words."""
    user, device = event["user_id"], event["anonymous_id"]
    sent = event["properties"]
    told = {
        "time": event["occurred_us"] // 1000,
        "distinct_id": user or (f"$device:{device}" if device else ""),
        "$device_id": device,
        "$user_id": user,
        "$insert_id": insert_id(event["event_id"]),
        "company": [event["account_id"]] if event["account_id"] else None,
        "$current_url": event["page_url"],
        "current_page_title": event["page_title"],
        "$referrer": event["referrer"],
        **{name: event[name] for name in event if name.startswith("utm_")},
        "$os": event["os"],
        "$browser": event["browser"],
        "mp_country_code": event["country"],
        "$region": event["region"],
        "$city": event["city"],
        "ip": event["ip"],
        "mp_lib": event["library"],
        "session_id": event["session_id"],
        "revenue": major_units(sent, decimals(sent.get("currency"))),
    }
    # who sent the event said what he said; who it is and when it was, the envelope says
    own = {name: value for name, value in sent.items() if name not in ("time", "distinct_id", "token", "$insert_id")}
    return {"event": event["event_name"], "properties": without_nulls(told) | own}


def _request(token: str, events: list[Event]) -> tuple[bytes, dict[str, str]]:
    user = base64.b64encode(f"{token}:".encode()).decode()
    return orjson.dumps([message(event) for event in events]), {"Authorization": f"Basic {user}"}


def named(told: Mapping[str, Any]) -> Named:
    """Which events an answer names."""
    records = told.get("failed_records")
    return {
        record["index"]: f"{record.get('field')}: {record.get('message')}"
        for record in (records if isinstance(records, list) else ())
        if isinstance(record, dict) and isinstance(record.get("index"), int)
    }


def mixpanel(token: str, url: str) -> Destination:
    """A project of Mixpanel's."""
    return Destination(
        name="mixpanel",
        url=url + ("&" if "?" in url else "?") + "strict=1",
        request=partial(_request, token),
        largest_events=2000,
        largest_bytes=2_000_000,
        named=named,
        vendor="mixpanel",
    )
