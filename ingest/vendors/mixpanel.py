"""Mixpanel's protocol: `/track` and `/import` for events, `/engage` and `/groups` for profiles; the token in each."""

from __future__ import annotations

from typing import Any

from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import (
    Answer,
    Received,
    RefusedRequest,
    Request,
    Vendor,
    basic_user,
    drafted,
    told,
    utm_in,
    with_added,
)


def receive(request: Request) -> Received:
    """Take one event or profile change, or a list of them.

    Raises:
        RefusedRequest: 400 when there is neither.
    """
    body = request.body
    found: list[Any] = body if isinstance(body, list) else [body] if isinstance(body, dict) else []
    if not isinstance(body, list | dict):
        raise RefusedRequest(400, "There is no `data`. Send an event, or a list of them.")
    return Received(_token(found) or basic_user(request), request.text, len(found))


def _token(found: list[Any]) -> str | None:
    for each in found[:1]:
        if isinstance(each, dict):
            properties = each.get("properties")
            inner = properties.get("token") if isinstance(properties, dict) else None
            for token in (each.get("$token"), inner):
                if isinstance(token, str):
                    return token
    return None


def _is_verbose(request: Request) -> bool:
    return "1" in (request.query.get("verbose"), request.form.get("verbose"))


def accepted(request: Request) -> Answer:
    """Success, as JSON where the SDK asks for it."""
    if request.path == "/import":
        count = len(request.body) if isinstance(request.body, list) else 1
        return Answer(b'{"code":200,"status":1,"error":null,"num_records_imported":%d}' % count)
    return Answer(b'{"status":1,"error":null}') if _is_verbose(request) else Answer(b"1", "text/plain")


def refused(request: Request, status: int, message: str) -> Answer:
    """A fault, with the `status` without which the Python SDK fails in its caller."""
    del request
    text = message.replace("\\", "").replace('"', "'")
    return Answer(f'{{"status":0,"error":"{text}"}}'.encode(), status=status)


_TEXTS = {
    "name": "$.event",
    "event_id": '$.properties."$insert_id"',
    "time": "$.properties.time",
    "profile_time": '$."$time"',
    "distinct_id": "$.properties.distinct_id",
    "own_distinct_id": '$.properties."$distinct_id"',
    "profile_distinct_id": '$."$distinct_id"',
    "device_id": '$.properties."$device_id"',
    "profile_device_id": '$."$device_id"',
    "user_id": '$.properties."$user_id"',
    "profile_user_id": '$."$user_id"',
    "anonymous_before": '$.properties."$anon_distinct_id"',
    "identified": '$.properties."$identified_id"',
    "alias": "$.properties.alias",
    "one_of_two": '$.properties."$distinct_ids"[0]',
    "other_of_two": '$.properties."$distinct_ids"[1]',
    "group_id": '$."$group_id"',
    "company": "$.properties.company[0]",
    "page_url": '$.properties."$current_url"',
    "page_title": "$.properties.current_page_title",
    "referrer": '$.properties."$referrer"',
    **utm_in("$.properties"),
    "os": '$.properties."$os"',
    "browser": '$.properties."$browser"',
    "country": "$.properties.mp_country_code",
    "region": '$.properties."$region"',
    "city": '$.properties."$city"',
    "address": "$.properties.ip",
    "library": "$.properties.mp_lib",
    "revenue": "$.properties.revenue",
    "currency": "$.properties.currency",
    "amount": "$.properties.amount_cents",
}
_OPERATIONS = ("$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete")
_OBJECTS = {"sent_properties": "$.properties", **{f"op{n}": f'$."{name}"' for n, name in enumerate(_OPERATIONS)}}


def projection(rows: str) -> str:
    """A profile change is an event `$set`, of a group `$groupidentify`; `$device:` before an id says whose it is."""
    read = told(rows, _TEXTS, _OBJECTS)
    distinct_id = "coalesce(distinct_id_, own_distinct_id_, profile_distinct_id_)"
    is_device = f"starts_with({distinct_id}, '$device:')"
    user = f"""case
        when group_id_ is not null then null
        when name_ = '$merge' then one_of_two_
        when name_ = '$identify' then coalesce(identified_, user_id_, {distinct_id})
        else coalesce(user_id_, profile_user_id_, case
            when {is_device} or {distinct_id} = coalesce(device_id_, profile_device_id_) then null
            else {distinct_id}
        end)
    end"""
    # who logs in over somebody else names that one as the id before, who is no device
    anonymous = f"""replace(coalesce(device_id_, profile_device_id_, case
        when name_ = '$identify' then anonymous_before_ when {is_device} then {distinct_id} end), '$device:', '')"""
    money = amount_cents("revenue_", "currency_")
    added = {
        **{name: f"op{n}_" for n, name in enumerate(_OPERATIONS) if name != "$set"},
        "$set": "case when group_id_ is null then op0_ end",
        "$group_set": "case when group_id_ is not null then op0_ end",
        "previous_id": "case when name_ = '$merge' then other_of_two_ end",
        "amount_cents": f"case when amount_ is null then {money} end",
    }
    return drafted(
        read,
        _TEXTS,
        {
            "event_name": """case when name_ is not null then name_ when group_id_ is not null then '$groupidentify'
                when profile_distinct_id_ is not null then '$set' end""",
            "occurred_at": "coalesce(time_, profile_time_)",
            "user_id": user,
            "anonymous_id": anonymous,
            "account_id": "coalesce(group_id_, company_)",
            "referrer": "nullif(referrer_, '$direct')",
            "ip": "nullif(nullif(address_, '0'), '1')",
        },
        with_added("coalesce(sent_properties_, '{}')", added),
    )


MIXPANEL = Vendor(
    name="mixpanel",
    paths=("/track", "/engage", "/groups", "/import"),
    receive=receive,
    projection=projection,
    accepted=accepted,
    refused=refused,
)
