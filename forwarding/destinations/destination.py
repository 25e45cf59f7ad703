"""What a destination is: how events are put into a request to it, and what its answer says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# a landed event: the envelope's fields, `properties` as an object
Event = Mapping[str, Any]
Named = dict[int, str]


@dataclass(frozen=True)
class Destination:
    """A place that events are sent on to.

    Attributes:
        name: what its progress is kept under.
        url: where it takes events.
        request: the body and the headers of a request with some events.
        largest_events: how many it takes at once.
        largest_bytes: how large a body it takes.
        named: which events, by their place in the request, a refusal's JSON names, and why.
        is_our_fault: whether a refusal's JSON says that no request of ours would be taken.
        unfit: why an event can never be taken, which is told without asking.
        vendor: by whose protocol it takes events; what came in by it is not sent back.
    """

    name: str
    url: str
    request: Callable[[list[Event]], tuple[bytes, dict[str, str]]]
    largest_events: int
    largest_bytes: int
    named: Callable[[Mapping[str, Any]], Named] = lambda _: {}
    is_our_fault: Callable[[Mapping[str, Any]], bool] = lambda _: False
    unfit: Callable[[Event], str | None] = lambda _: None
    vendor: str | None = None


def without_nulls(members: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what is null or empty."""
    return {name: value for name, value in members.items() if value is not None and value not in ({}, [])}


def major_units(properties: Mapping[str, Any], decimals: int) -> float | None:
    """The `amount_cents` of an event as vendors take money."""
    amount = properties.get("amount_cents")
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not math.isfinite(amount):
        return None
    return float(round(amount / 10**decimals, decimals))


def instant(microseconds: int) -> str:
    """A time as text, exact to the microsecond."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"


def is_of_nobody(event: Event) -> str | None:
    """Why products that know persons alone do not take an event."""
    return None if event["user_id"] or event["anonymous_id"] else "has neither a user nor a device"


def places(told: Any) -> Named:
    """Places in a request, where an answer lists them under the field that is at fault."""
    named: Named = {}
    for name, listed in told.items() if isinstance(told, dict) else ():
        for place in listed if isinstance(listed, list) else ():
            if isinstance(place, int):
                named.setdefault(place, str(name))
    return named
