# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Footfall's own JSON: one event, a list or `{"events": [...]}`, in the envelope's words or in those of the guides.

The path says what an event is where it does not say so itself; what charging buses call `analytics_charge_started` and
its like comes to the same paths.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.envelope import CONTEXT_FIELDS, TEXT_FIELDS, other_keys
from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import (
    Answer,
    Received,
    RefusedRequest,
    Request,
    Unread,
    Vendor,
    basic_user,
    drafted,
    told,
    with_added,
)

BASES = ("/api/v1/analytics/events", "/analytics/events")
PATHS = tuple(
    base + kind
    for base in BASES
    for kind in ("", "/track", "/track-batch", "/content-engagement", "/user-behavior", "/revenue")
)
ENGAGEMENTS = {
    "view": "content_viewed",
    "read": "content_viewed",
    "start": "part_started",
    "complete": "part_finished",
    "finish": "part_finished",
    "like": "content_liked",
    "comment": "content_commented",
    "share": "content_shared",
    "bookmark": "content_bookmarked",
    "rate": "content_rated",
    "rating": "content_rated",
}


class Batch(msgspec.Struct, gc=False):
    """What is read of a batch."""

    events: list[Unread]


def receive(request: Request) -> Received:
    """Take one event or many.

    Raises:
        RefusedRequest: 400 when the body is neither.
    """
    body = request.body
    if isinstance(body, dict):
        found: Any = body.get("events", [body])
    else:
        found = body
    if not isinstance(found, list):
        raise RefusedRequest(400, "The body holds no event. Send one, a list of them, or {events: [...]}.")
    return Received(key_of(request), request.text, len(found))


def key_of(request: Request) -> str | None:
    """The write key, in whichever of the usual places."""
    authorization = request.headers.get("authorization", "")
    bearer = authorization[7:].strip() if authorization.lower().startswith("bearer ") else None
    return request.headers.get("x-api-key") or bearer or basic_user(request) or request.query.get("key")


def accepted(request: Request) -> Answer:
    """How many were taken."""
    body = request.body
    found = body.get("events", [body]) if isinstance(body, dict) else body
    return Answer(b'{"status":"ok","received":%d}' % len(found))


# what the words of the guides are in the envelope, the envelope's own first
_WORDS = {
    "event_id": ("event_id", "id", "message_id"),
    "event_name": ("event_name", "event_type", "event"),
    "occurred_at": ("occurred_at", "timestamp", "event_time"),
    "sent_at": ("sent_at",),
    "user_id": ("user_id", "userId"),
    "anonymous_id": ("anonymous_id", "anonymousId", "device_id"),
    "session_id": ("session_id", "sessionId"),
    "account_id": ("account_id",),
}
_OWN = {
    "engagement": "engagement_type",
    "behavior": "behavior_type",
    "action": "action",
    "amount": "amount",
    "revenue": "revenue",
    "currency": "currency",
    "cents": "amount_cents",
    "inner_amount": "event_data.amount",
    "inner_revenue": "event_data.revenue",
    "inner_currency": "event_data.currency",
    "inner_cents": "event_data.amount_cents",
    "properties_cents": "properties.amount_cents",
}
_OBJECTS = {
    "event_data": "$.event_data",
    "data": "$.data",
    "sent": "$.properties",
    "user_properties": "$.user_properties",
}
_TAKEN = (
    *(word for words in _WORDS.values() for word in words),
    *(*TEXT_FIELDS, *CONTEXT_FIELDS, "context", "properties", "event_data", "data", "user_properties"),
)


def projection(rows: str) -> str:
    """What is not the envelope's is a property; `amount` is money on the path of revenue and in wallets."""
    words = {f"{word}_word": f"$.{word}" for words in _WORDS.values() for word in words}
    flat = {f"{field}_flat": f"$.{field}" for field in CONTEXT_FIELDS}
    nested = {f"{field}_nested": f"$.context.{field}" for field in CONTEXT_FIELDS}
    own = {name: f"$.{path}" for name, path in _OWN.items()}
    read = told(rows, {**words, **flat, **nested, **own}, _OBJECTS)
    kinds = " ".join(f"when '{kind}' then '{name}'" for kind, name in ENGAGEMENTS.items())
    said = "regexp_replace(coalesce(event_name_word_, event_type_word_, event_word_), '^analytics_', '')"
    named = f"""
        select *, coalesce({said}, case
            when path like '%/content-engagement' then
                case lower(coalesce(engagement_, action_)) {kinds} else coalesce(engagement_, action_) end
            when path like '%/user-behavior' then coalesce(behavior_, action_)
            when path like '%/revenue' then 'payment_completed'
        end) as name from ({read})"""
    is_charging = "name in ('charge_started', 'charge_stopped', 'wallet_credited')"
    is_money = "(path like '%/revenue' or name = 'wallet_credited')"
    major = f"coalesce(revenue_, inner_revenue_, case when {is_money} then coalesce(amount_, inner_amount_) end)"
    money = amount_cents(major, "coalesce(currency_, inner_currency_)")
    rest = other_keys("event", _TAKEN)
    inner = "coalesce(event_data_, data_, sent_, '{}')"
    added = {
        "$set": "user_properties_",
        "charging_session_id": f"case when {is_charging} then session_id_word_ end",
        "amount_cents": f"case when coalesce(cents_, inner_cents_, properties_cents_) is null then {money} end",
    }
    fields = {name: f"coalesce({', '.join(f'{word}_word_' for word in words)}, null)" for name, words in _WORDS.items()}
    fields["event_name"] = "name"
    # of a charge the session is the charging session, not a visit
    fields["session_id"] = f"case when not coalesce({is_charging}, false) then {fields['session_id']} end"
    return drafted(
        named,
        (),
        {**fields, **{field: f"coalesce({field}_nested_, {field}_flat_)" for field in CONTEXT_FIELDS}},
        with_added(f"json_merge_patch(coalesce(({rest})::json, '{{}}'), {inner})", added),
        other_keys("json_extract(event, '$.context')", CONTEXT_FIELDS),
    )


FOOTFALL = Vendor(
    name="footfall",
    paths=PATHS,
    receive=receive,
    batch="events",
    outlines=dict.fromkeys(PATHS, Batch),
    projection=projection,
    accepted=accepted,
)
