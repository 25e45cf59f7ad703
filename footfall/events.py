"""What an application tells: kinds of events, and an event as one line of JSON."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

# one that is larger is no event, and would hold up those beside it
MOST_BYTES = 256 * 1024
# how deep a value may lie in another, which also ends those that hold themselves
MOST_DEEP = 32
LIBRARY = "footfall-python"


class EventType(StrEnum):
    """What kind an event is.

    Those of the first group are events of their own, whose names the event catalog knows: the `event_name` beside one
    is its property `label`. The others only say how to take an event, which is called by its `event_name`.
    """

    PAGE_VIEW = "page_view"
    FORM_SUBMIT = "form_submitted"
    FEATURE_USED = "feature_used"
    SIGNUP = "user_registered"
    LOGIN = "user_logged_in"
    LOGOUT = "user_logged_out"
    PURCHASE = "payment_completed"
    REFUND = "refund_issued"
    SUBSCRIPTION = "subscription_created"
    CONTENT_VIEW = "content_viewed"

    BUTTON_CLICK = "button_click"
    CLICK = "click"
    SEARCH = "search"
    CONVERSION = "conversion"
    ERROR = "error"
    CUSTOM = "custom"


NAMELESS = {
    EventType.BUTTON_CLICK,
    EventType.CLICK,
    EventType.SEARCH,
    EventType.CONVERSION,
    EventType.ERROR,
    EventType.CUSTOM,
}
MONEY = {EventType.PURCHASE, EventType.REFUND, EventType.SUBSCRIPTION}


class UserSegment(StrEnum):
    """Where a person stands by their activity, as `dim_persons.segment` says it."""

    NEW = "NEW"
    ACTIVE = "ACTIVE"
    POWER = "POWER"
    AT_RISK = "AT_RISK"
    CHURNED = "CHURNED"


class NoEvent(ValueError):
    """What was told cannot be an event."""


def named(
    event_type: EventType | str | None, event_name: str | None, properties: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any]]:
    """The name and the properties of an event that is told by its kind, its name or both.

    Raises:
        NoEvent: when it has neither.
    """
    told = dict(properties or {})
    kind = _known(event_type)
    if isinstance(kind, EventType) and kind not in NAMELESS:
        if event_name and event_name != kind.value:
            told.setdefault("label", event_name)
        if kind in MONEY and "amount" in told and not {"amount_cents", "revenue"} & told.keys():
            told["revenue"] = told.pop("amount")
        return kind.value, told
    type_name = kind.value if isinstance(kind, EventType) else kind
    if event_name and type_name:
        told.setdefault("event_type", type_name)
    name = event_name or type_name
    if not name or not str(name).strip():
        raise NoEvent("An event needs a name: say event_name, or an event_type that is a name.")
    return str(name), told


def line(
    name: str,
    properties: Mapping[str, Any],
    *,
    occurred_at: datetime | None = None,
    ids: Mapping[str, str | None],
    context: Mapping[str, Any],
    user_properties: Mapping[str, Any] | None = None,
    event_id: str | None = None,
) -> bytes:
    """One event as JSON, with an id of its own, so that what is sent twice is one event.

    Raises:
        NoEvent: when it is larger than any event is.
    """
    moment = occurred_at or datetime.now(UTC)
    if moment.tzinfo is None:
        moment = moment.astimezone()
    event: dict[str, Any] = {
        "event_id": event_id or str(uuid.uuid4()),
        "event_name": name,
        "occurred_at": moment.astimezone(UTC).isoformat(timespec="microseconds"),
        **{key: str(value) for key, value in ids.items() if value is not None},
        "properties": properties,
        "context": {**{key: value for key, value in context.items() if value is not None}, "library": LIBRARY},
    }
    if user_properties:
        event["user_properties"] = user_properties
    # the server makes minor units of money that is told in major ones, by the decimals of its currency
    if properties.get("revenue") is not None:
        event |= {key: properties[key] for key in ("revenue", "currency") if key in properties}
    text = json.dumps(plain(event), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # a half of a surrogate pair is no text
    told = text.encode("utf-8", "replace")
    if len(told) > MOST_BYTES:
        raise NoEvent(f"The event {name[:80]!r} has {len(told)} bytes; {MOST_BYTES} is the most.")
    return told


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON knows it: dates as ISO 8601, decimals as numbers, sets as lists, all else as its text."""
    if value is None or isinstance(value, bool | int) or type(value) is str:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if depth >= MOST_DEEP:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {str(plain(key, depth + 1)): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, Iterable):
        return [plain(inner, depth + 1) for inner in value]
    return str(value)


def _known(event_type: EventType | str | None) -> EventType | str | None:
    if event_type is None or isinstance(event_type, EventType):
        return event_type
    try:
        return EventType(str(event_type))
    except ValueError:
        return str(event_type)
