"""Amplitude's HTTP API: `{"api_key", "events"}` to `/2/httpapi` or `/batch`.

Also its older APIs of forms, which mobile SDKs and scripts still send: `/httpapi`, `/identify`, `/groupidentify`.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import orjson

from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import (
    Answer,
    Received,
    RefusedRequest,
    Request,
    Unread,
    Vendor,
    drafted,
    told,
    utm_in,
    with_added,
)

# by path, the field that holds the JSON
FORMS = {"/httpapi": "event", "/identify": "identification", "/groupidentify": "identification"}


class Batch(msgspec.Struct, gc=False):
    """What is read of a batch."""

    events: list[Unread]
    api_key: str | None = None


def receive(request: Request) -> Received:
    """Take the events.

    Raises:
        RefusedRequest: 400 when there is no list of them.
    """
    if request.path in FORMS:
        return _form(request)
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("events"), list):
        raise RefusedRequest(400, "The body has no list of `events`. Send {api_key, events}.")
    key = body.get("api_key")
    return Received(key if isinstance(key, str) else None, request.text, len(body["events"]))


def _form(request: Request) -> Received:
    """Events or identifications in the field of a form."""
    field = FORMS[request.path]
    try:
        found = orjson.loads(request.form.get(field) or request.query.get(field, ""))
    except orjson.JSONDecodeError:
        raise RefusedRequest(400, f"The form's `{field}` is no JSON. Send an object, or a list of them.") from None
    listed = found if isinstance(found, list) else [found]
    if field == "identification":
        listed = [_identified(each) if isinstance(each, dict) else each for each in listed]
    key = request.form.get("api_key") or request.query.get("api_key")
    return Received(key, orjson.dumps({"events": listed}), len(listed))


def _identified(told: dict[str, Any]) -> dict[str, Any]:
    """An identification as the event that SDKs send of it."""
    if "group_type" not in told:
        return {"event_type": "$identify", **told}
    return {"event_type": "$groupidentify", "groups": {str(told["group_type"]): told.get("group_value")}, **told}


def accepted(request: Request) -> Answer:
    """Success, which the Python SDK reads in the body."""
    if request.path in FORMS:
        return Answer(b"success", "text/plain")
    count = len(request.body["events"])
    return Answer(json.dumps({"code": 200, "events_ingested": count, "payload_size_bytes": len(request.text)}).encode())


def refused(request: Request, status: int, message: str) -> Answer:
    """A fault; the SDKs stop retrying at once only where they read `Invalid API key`."""
    del request
    if status == 401:
        return Answer(json.dumps({"code": 400, "error": message}).encode(), status=400)
    missing = {"missing_field": "events"} if status == 400 else {}
    return Answer(json.dumps({"code": status, "error": message, **missing}).encode(), status=status)


def shared(body: str) -> str:
    """When the batch was sent."""
    return f"json_object('sent', {body} ->> '$.client_upload_time')"


_TEXTS = {
    "id": "$.insert_id",
    "export_id": '$."$insert_id"',
    "event_name": "$.event_type",
    "time": "$.time",
    "export_time": "$.event_time",
    "user_id": "$.user_id",
    "anonymous_id": "$.device_id",
    "session_id": "$.session_id",
    "revenue": "$.revenue",
    "price": "$.price",
    "quantity": "$.quantity",
    "inner_revenue": '$.event_properties."$revenue"',
    "inner_price": '$.event_properties."$price"',
    "inner_quantity": '$.event_properties."$quantity"',
    "currency": "$.currency",
    "inner_currency": '$.event_properties."$currency"',
    "own_currency": "$.event_properties.currency",
    "amount": "$.event_properties.amount_cents",
    "page_url": '$.event_properties."[Amplitude] Page Location"',
    "page_title": '$.event_properties."[Amplitude] Page Title"',
    "referrer": "$.event_properties.referrer",
    **utm_in("$.event_properties"),
    "device_type": "$.device_type",
    "os": "$.os_name",
    "country": "$.country",
    "region": "$.region",
    "city": "$.city",
    "locale": "$.language",
    "user_agent": "$.user_agent",
    "address": "$.ip",
    "export_address": "$.ip_address",
    "library": "$.library",
}
_OBJECTS = {
    "sent_properties": "$.event_properties",
    "user_properties": "$.user_properties",
    "groups": "$.groups",
    "group_properties": "$.group_properties",
}


def projection(rows: str) -> str:
    """Revenue is the event's, or price times quantity where only these are sent."""
    read = told(rows, _TEXTS, _OBJECTS)
    unit_price = "try_cast(coalesce(price_, inner_price_) as decimal(18, 6))"
    number = "coalesce(try_cast(coalesce(quantity_, inner_quantity_) as decimal(18, 6)), 1)"
    major = f"coalesce(revenue_, inner_revenue_, ({unit_price} * {number})::varchar)"
    money = amount_cents(major, "coalesce(currency_, inner_currency_, own_currency_)")
    operations = {"$set": "$set", "$setOnce": "$set_once", "$add": "$add", "$append": "$append", "$unset": "$unset"}
    added = {
        **{ours: f"""json_extract(user_properties_, '$."{theirs}"')""" for theirs, ours in operations.items()},
        "$group_set": """coalesce(json_extract(group_properties_, '$."$set"'), group_properties_)""",
        "currency": "case when own_currency_ is null then coalesce(currency_, inner_currency_) end",
        "amount_cents": f"case when amount_ is null then {money} end",
    }
    return drafted(
        read,
        _TEXTS,
        {
            "event_id": "coalesce(id_, export_id_)",
            "occurred_at": "coalesce(time_, export_time_)",
            "sent_at": "shared ->> '$.sent'",
            "account_id": "coalesce(groups_ ->> '$.company', json_extract_string(groups_, '$.*')[1])",
            "device_type": "lower(device_type_)",
            "ip": "coalesce(nullif(address_, '$remote'), export_address_)",
        },
        with_added("coalesce(sent_properties_, '{}')", added),
    )


AMPLITUDE = Vendor(
    name="amplitude",
    paths=("/2/httpapi", "/batch", *FORMS),
    receive=receive,
    batch="events",
    outlines=dict.fromkeys(("/2/httpapi", "/batch"), Batch),
    shared=shared,
    projection=projection,
    accepted=accepted,
    refused=refused,
    claims=lambda request: isinstance(request.body, dict) and "events" in request.body,
)
