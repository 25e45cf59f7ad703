"""Amplitude's HTTP V2 API; the inverse of `ingest.vendors.amplitude`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from forwarding.destinations.destination import (
    Destination,
    Event,
    Named,
    is_of_nobody,
    major_units,
    places,
    without_nulls,
)
from ingest.vendors.money import decimals

_OPERATIONS = {"$set": "$set", "$set_once": "$setOnce", "$add": "$add", "$append": "$append", "$unset": "$unset"}
_NAMES = {"identify": "$identify", "group": "$groupidentify"}
_FAULTS = ("events_with_invalid_fields", "events_with_missing_fields", "events_with_invalid_id_lengths")


def message(event: Event) -> dict[str, Any]:
    """An event in Amplitude's words."""
    sent: dict[str, Any] = dict(event["properties"])
    operations = {theirs: sent.pop(ours) for ours, theirs in _OPERATIONS.items() if isinstance(sent.get(ours), dict)}
    group = sent.pop("$group_set", None)
    session = event["session_id"] or ""
    page = {
        "[Amplitude] Page Location": event["page_url"],
        "[Amplitude] Page Title": event["page_title"],
        "referrer": event["referrer"],
        **{name: event[name] for name in event if name.startswith("utm_")},
    }
    return without_nulls(
        {
            "event_type": _NAMES.get(event["event_name"], event["event_name"]),
            "insert_id": event["event_id"],
            "time": event["occurred_us"] // 1000,
            "user_id": event["user_id"],
            "device_id": event["anonymous_id"],
            "session_id": int(session) if session.isascii() and session.isdigit() and len(session) < 16 else None,
            "event_properties": without_nulls(page) | sent,
            "user_properties": operations,
            "groups": without_nulls({"company": event["account_id"]}),
            "group_properties": {"$set": group} if isinstance(group, dict) and group else None,
            "revenue": major_units(sent, decimals(sent.get("currency"))),
            "currency": sent.get("currency"),
            "device_type": event["device_type"],
            "os_name": event["os"],
            "country": event["country"],
            "region": event["region"],
            "city": event["city"],
            "language": event["locale"],
            "user_agent": event["user_agent"],
            "ip": event["ip"],
            "library": event["library"],
        }
    )


def _request(key: str, events: list[Event]) -> tuple[bytes, dict[str, str]]:
    # ids of fewer than five characters are ids
    told = {"api_key": key, "events": [message(event) for event in events], "options": {"min_id_length": 1}}
    return orjson.dumps(told), {}


def named(told: Mapping[str, Any]) -> Named:
    """Which events an answer names; of those that it silences it says no more."""
    found: Named = {}
    for fault in _FAULTS:
        found |= {place: f"{fault}: {name}" for place, name in places(told.get(fault)).items()}
    return found | places({"silenced": told.get("silenced_events")})


def amplitude(key: str, url: str) -> Destination:
    """A project of Amplitude's."""
    return Destination(
        name="amplitude",
        url=url,
        request=partial(_request, key),
        largest_events=1000,
        largest_bytes=1_000_000,
        named=named,
        is_our_fault=lambda told: "api key" in str(told.get("error", "")).lower() or "missing_field" in told,
        unfit=is_of_nobody,
        vendor="amplitude",
    )
