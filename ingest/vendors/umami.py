"""Umami's API: one event to `/api/send`, many to `/api/batch`, the website's id in place of a key."""

from __future__ import annotations

from typing import Any

from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import Received, RefusedRequest, Request, Vendor, drafted, told, with_added


def receive(request: Request) -> Received:
    """Take an event, or a list of them; the first says whose they are.

    Raises:
        RefusedRequest: 400 when there is no payload.
    """
    found: list[Any] = request.body if isinstance(request.body, list) else [request.body]
    payload = found[0].get("payload") if found and isinstance(found[0], dict) else None
    if not isinstance(payload, dict):
        raise RefusedRequest(400, "The body has no `payload`. Send {type, payload}, or a list of them.")
    website = payload.get("website")
    return Received(website if isinstance(website, str) else None, request.text, len(found))


_TEXTS = {
    "type": "$.type",
    "name": "$.payload.name",
    "hostname": "$.payload.hostname",
    "url": "$.payload.url",
    "page_title": "$.payload.title",
    "referrer": "$.payload.referrer",
    "locale": "$.payload.language",
    "user_id": "$.payload.id",
    "occurred_at": "$.payload.timestamp",
    "revenue": "$.payload.data.revenue",
    "currency": "$.payload.data.currency",
}


def projection(rows: str) -> str:
    """An event without a name is a page view; the visitor is whom the collector made of address and agent for a day."""
    read = told(rows, _TEXTS, {"data": "$.payload.data"})
    added = {
        "$set": "case when type_ = 'identify' then data_ end",
        "amount_cents": f"case when type_ = 'event' then {amount_cents('revenue_', 'currency_')} end",
    }
    return drafted(
        read,
        _TEXTS,
        {
            "event_name": """case when type_ = 'identify' then 'identify'
                else coalesce(nullif(name_, ''), 'pageview') end""",
            "anonymous_id": "visitor",
            "page_url": "case when starts_with(url_, '/') then 'https://' || hostname_ || url_ else url_ end",
            "library": "'umami'",
        },
        with_added("coalesce(data_, '{}')", added),
    )


UMAMI = Vendor(
    name="umami",
    paths=("/api/send", "/api/batch"),
    receive=receive,
    projection=projection,
    names_visitors=True,
)
