"""Whose export a file is, told by its first line."""

from __future__ import annotations

import json
import re

from ingest.vendors.snowplow import ENRICHED_COLUMNS

_SEGMENT_TYPES = {"track", "page", "screen", "identify", "group", "alias"}
_LOG = re.compile(rb'\S+ \S+ \S+ \[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "[A-Z]+ ')


def recognised(line: bytes) -> str | None:
    """The vendor's name; None where the line is none that a vendor writes, or is an envelope of ours."""
    if line.lstrip().startswith(b"{"):
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return _of_object(told) if isinstance(told, dict) else None
    if line.count(b"\t") == ENRICHED_COLUMNS - 1:
        return "snowplow"
    return "weblog" if _LOG.match(line) else None


def _of_object(told: dict[str, object]) -> str | None:
    keys, properties = told.keys(), told.get("properties")
    inner = properties.keys() if isinstance(properties, dict) else set[str]()
    if keys >= {"event_name", "occurred_at"}:
        return None
    if keys >= {"event_timestamp", "event_params"}:
        return "ga4"
    if told.get("type") in _SEGMENT_TYPES and keys & {"messageId", "anonymousId", "userId"}:
        return "segment"
    if "event_type" in keys and keys & {"event_properties", "insert_id", "$insert_id", "device_id"}:
        return "amplitude"
    if keys >= {"event", "properties"}:
        if {"time", "distinct_id"} <= inner and "timestamp" not in keys:
            return "mixpanel"
        if "distinct_id" in keys | inner:
            return "posthog"
    return "plausible" if keys >= {"n", "u", "d"} else None
