# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Segment's protocol, which RudderStack and Jitsu speak too.

One message to `/v1/track` and its like, of which the path may say the type, or many to `/v1/batch`, or one in the query
of a pixel (`/v1/pixel/track?data=`); the write key comes by Basic authorization, by the header `X-Write-Key` (Jitsu) or
in the body.
"""

from __future__ import annotations

import json

import msgspec

from ingest.envelope import other_keys
from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import (
    GIF,
    Answer,
    Flags,
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

# each with the letter by which browsers call its path
TYPES = {"track": "t", "page": "p", "screen": "s", "identify": "i", "group": "g", "alias": "a"}
PIXEL = "/v1/pixel/"
_KNOWN_CONTEXT = ("page", "campaign", "library", "userAgent", "ip", "locale", "device", "os", "location", "sessionId")


class Batch(msgspec.Struct, gc=False):
    """What is read of a batch."""

    batch: list[Unread]
    writeKey: str | None = None


def receive(request: Request) -> Received:
    """Take one message or a batch of them.

    Raises:
        RefusedRequest: 400 when the body is neither.
    """
    body = request.body
    if not isinstance(body, dict):
        raise RefusedRequest(400, "The body is no JSON object. Send a message, or a batch of them.")
    batch = body.get("batch")
    if batch is not None and not isinstance(batch, list):
        raise RefusedRequest(400, "`batch` is no list. Send a list of messages.")
    return Received(_key(request), request.text, 1 if batch is None else len(batch))


def accepted(request: Request) -> Answer:
    """A pixel where one was asked for."""
    return Answer(GIF, "image/gif") if request.path.startswith(PIXEL) else Answer(b'{"success":true}')


def _key(request: Request) -> str | None:
    if (user := basic_user(request)) is not None:
        return user
    body = request.body if isinstance(request.body, dict) else {}
    key = request.headers.get("x-write-key") or body.get("writeKey") or request.query.get("writeKey")
    return key if isinstance(key, str) else None


def shared(body: str) -> str:
    """When the batch was sent."""
    return f"json_object('sentAt', {body} ->> '$.sentAt')"


_TEXTS = {
    "event_id": "$.messageId",
    "type": "$.type",
    "event": "$.event",
    "name": "$.name",
    "category": "$.category",
    "user_id": "$.userId",
    "anonymous_id": "$.anonymousId",
    "previous": "$.previousId",
    "group_id": "$.groupId",
    "time": "$.timestamp",
    "original_time": "$.originalTimestamp",
    "sent": "$.sentAt",
    "receipt_time": "$.receivedAt",
    "revenue": "$.properties.revenue",
    "total": "$.properties.total",
    "currency": "$.properties.currency",
    "amount": "$.properties.amount_cents",
    "property_url": "$.properties.url",
    "property_title": "$.properties.title",
    "property_referrer": "$.properties.referrer",
    "url": "$.context.page.url",
    "title": "$.context.page.title",
    "referrer": "$.context.page.referrer",
    "utm_source": "$.context.campaign.source",
    "utm_medium": "$.context.campaign.medium",
    "utm_campaign": "$.context.campaign.name",
    "utm_term": "$.context.campaign.term",
    "utm_content": "$.context.campaign.content",
    "device_type": "$.context.device.type",
    "os": "$.context.os.name",
    "country": "$.context.location.country",
    "region": "$.context.location.region",
    "city": "$.context.location.city",
    "locale": "$.context.locale",
    "user_agent": "$.context.userAgent",
    "ip": "$.context.ip",
    "library": "$.context.library.name",
    "session_id": "$.context.sessionId",
    "context_group": "$.context.groupId",
}


_OBJECTS = {
    "traits": "$.traits",
    "context_traits": "$.context.traits",
    "sent_properties": "$.properties",
    "context": "$.context",
}


def projection(rows: str) -> str:
    """Messages as events: the type names those that are no `track`; traits are what `$set` and `$group_set` hold."""
    last = "regexp_extract(path, '[^/]+$')"
    types = " ".join(f"when {last} in ('{name}', '{letter}') then '{name}'" for name, letter in TYPES.items())
    read = f"""
        select * replace (coalesce(type_, case {types} end) as type_)
        from ({told(rows, _TEXTS, _OBJECTS)})"""
    money = amount_cents("coalesce(revenue_, total_)", "currency_")
    added = {
        "name": "case when type_ in ('page', 'screen') then name_ end",
        "category": "case when type_ in ('page', 'screen') then category_ end",
        "previous_id": "case when type_ = 'alias' then previous_ end",
        "$set": "case when type_ = 'identify' then coalesce(traits_, context_traits_) end",
        "$group_set": "case when type_ = 'group' then coalesce(traits_, context_traits_) end",
        "amount_cents": f"case when (type_ = 'track' or type_ is null) and amount_ is null then {money} end",
    }
    return drafted(
        read,
        _TEXTS,
        {
            "event_name": "case when type_ = 'track' or type_ is null then event_ else type_ end",
            "occurred_at": "coalesce(time_, original_time_)",
            # what was exported has been corrected already
            "sent_at": """case when receipt is not null and receipt_time_ is null
                then coalesce(sent_, shared ->> '$.sentAt') end""",
            "received_at": "coalesce(received_at, receipt_time_)",
            "account_id": "coalesce(case when type_ = 'group' then group_id_ end, context_group_, group_id_)",
            "page_url": "coalesce(url_, property_url_)",
            "page_title": "coalesce(title_, property_title_)",
            "referrer": "coalesce(referrer_, property_referrer_)",
        },
        with_added("coalesce(sent_properties_, '{}')", added),
        other_keys("context_", _KNOWN_CONTEXT),
    )


def settings(request: Request, app: str, flags: Flags) -> Answer:
    """What analytics-next asks before anything: where its events go, and by which key."""
    del app, flags
    key, host = request.path.split("/")[3], request.headers.get("host", "")
    protocol = request.headers.get("x-forwarded-proto", "http")
    target = {"apiKey": key, "apiHost": f"{host}/v1", "protocol": protocol}
    return Answer(json.dumps({"integrations": {"Segment.io": target}, "plan": {}, "edgeFunction": {}}).encode())


def source_config(request: Request, app: str, flags: Flags) -> Answer:
    """What RudderStack's browser SDK asks before anything."""
    del flags
    key = request.query.get("writeKey", "")
    source = {"id": key or app, "name": app, "writeKey": key, "enabled": True, "config": {}, "destinations": []}
    return Answer(json.dumps({"source": {**source, "connections": [], "dataplanes": {}}}).encode())


SEGMENT = Vendor(
    name="segment",
    paths=(
        "/v1/batch", "/v1/import", "/v1/b", *(f"/v1/{name}" for each in TYPES.items() for name in each),
        *(PIXEL + name for name in TYPES),
        *(f"/api/s/{name}" for name in TYPES), "/api/s/s2s/{type}",
    ),
    receive=receive,
    batch="batch",
    outlines=dict.fromkeys(("/v1/batch", "/v1/import", "/v1/b"), Batch),
    shared=shared,
    projection=projection,
    accepted=accepted,
    answers={"/v1/projects/{key}/settings": settings, "/sourceConfig": source_config},
)  # fmt: skip
