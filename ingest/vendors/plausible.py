"""Plausible's events API: one event to `/api/event`, the site's domain in place of a key."""

from __future__ import annotations

from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import Answer, Received, RefusedRequest, Request, Vendor, drafted, told, with_added


def receive(request: Request) -> Received:
    """Take an event.

    Raises:
        RefusedRequest: 400 when the body is none.
    """
    body = request.body
    if not isinstance(body, dict):
        raise RefusedRequest(400, "The body is no JSON object. Send an event: n, u, d.")
    domain = body.get("d", body.get("domain"))
    return Received(domain if isinstance(domain, str) else None, request.text, 1)


_TEXTS = {
    "n": "$.n",
    "name": "$.name",
    "u": "$.u",
    "url": "$.url",
    "r": "$.r",
    "referrer": "$.referrer",
    "p": "$.p",
    "props": "$.props",
    "engaged": "$.e",
    "depth": "$.sd",
    "amount": '$."$".amount',
    "currency": '$."$".currency',
    "revenue_amount": "$.revenue.amount",
    "revenue_currency": "$.revenue.currency",
}


def projection(rows: str) -> str:
    """The visitor is whom the collector made of address and agent for a day; the tracker sends no ids."""
    read = told(rows, _TEXTS)
    # the older tracker writes the properties as text
    sent = "coalesce(try_cast(coalesce(p_, props_) as json), '{}')"
    currency = "coalesce(currency_, revenue_currency_)"
    added = {
        "engagement_time_msec": "try_cast(engaged_ as bigint)",
        "scroll_depth": "try_cast(depth_ as double)",
        "currency": currency,
        "amount_cents": amount_cents("coalesce(amount_, revenue_amount_)", currency),
    }
    return drafted(
        read,
        _TEXTS,
        {
            "event_name": "coalesce(n_, name_)",
            "anonymous_id": "visitor",
            "page_url": "coalesce(u_, url_)",
            "referrer": "coalesce(r_, referrer_)",
            "library": "'plausible'",
        },
        with_added(sent, added),
    )


PLAUSIBLE = Vendor(
    name="plausible",
    paths=("/api/event",),
    receive=receive,
    projection=projection,
    names_visitors=True,
    accepted=lambda _: Answer(b"ok", "text/plain"),
)
