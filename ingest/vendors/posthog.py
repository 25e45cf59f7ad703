"""PostHog's protocol: batches to `/batch` and `/e`, the project's key in the body; also its v1 events endpoint."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import (
    Answer,
    Flags,
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

V1 = "/i/v1/analytics/events"
CONFIG = {
    "supportedCompression": ["gzip", "gzip-js", "base64"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "surveys": False,
    "heatmaps": False,
    "autocapture_opt_out": False,
    "capturePerformance": False,
    "siteApps": [],
    "toolbarParams": {},
    "isAuthenticated": False,
}


IS_EXPOSURE = "event_name_ = '$feature_flag_called' and flag_variant_ not in ('true', 'false', '')"


class Batch(msgspec.Struct, gc=False):
    """What is read of a batch that has its key and is nobody else's (`claims`)."""

    api_key: str
    batch: list[Unread]
    events: msgspec.UnsetType = msgspec.UNSET


def receive(request: Request) -> Received:
    """Take a batch, one event, or a list of events.

    Raises:
        RefusedRequest: 400 when the body is none of these.
    """
    body = request.body
    found: list[Any]
    if isinstance(body, list):
        found = body
    elif isinstance(body, dict):
        batch = body.get("batch", [body])
        if not isinstance(batch, list):
            raise RefusedRequest(400, "`batch` is no list. Send a list of events.")
        found = batch
    else:
        raise RefusedRequest(400, "The body holds no event. Send one, or a batch of them.")
    return Received(_key(request, found), request.text, len(found))


def _key(request: Request, found: list[Any]) -> str | None:
    authorization = request.headers.get("authorization", "")
    if authorization.lower().startswith("bearer "):
        return authorization[7:].strip()
    places: list[Any] = [request.body, *found[:1]]
    for place in places:
        if isinstance(place, dict):
            properties = place.get("properties")
            inner = properties.get("token") if isinstance(properties, dict) else None
            for key in (place.get("api_key"), place.get("token"), inner):
                if isinstance(key, str):
                    return key
    return request.query.get("token")


def accepted(request: Request) -> Answer:
    """Success; in v1, event by event."""
    if request.path != V1:
        return Answer(b'{"status":1}')
    batch = request.body.get("batch", []) if isinstance(request.body, dict) else []
    uuids = [event.get("uuid") for event in batch if isinstance(event, dict)]
    return Answer(json.dumps({"results": {str(uuid): {"result": "ok"} for uuid in uuids}}).encode())


def shared(body: str) -> str:
    """When the batch was sent."""
    return f"json_object('sent_at', coalesce({body} ->> '$.sent_at', {body} ->> '$.created_at'))"


_TEXTS = {
    "id": "$.uuid",
    "event_name": "$.event",
    "time": "$.timestamp",
    "distinct_id": "$.distinct_id",
    "inner_distinct_id": "$.properties.distinct_id",
    "device_id": '$.properties."$device_id"',
    "own_user_id": '$.properties."$user_id"',
    "is_identified": '$.properties."$is_identified"',
    "has_profile": '$.properties."$process_person_profile"',
    "anonymous_before": '$.properties."$anon_distinct_id"',
    "session": "$.session_id",
    "inner_session": '$.properties."$session_id"',
    "group_key": '$.properties."$group_key"',
    "page_url": '$.properties."$current_url"',
    "title": "$.properties.title",
    "own_title": '$.properties."$title"',
    "referrer": '$.properties."$referrer"',
    **utm_in("$.properties"),
    "device_type": '$.properties."$device_type"',
    "os": '$.properties."$os"',
    "browser": '$.properties."$browser"',
    "country": '$.properties."$geoip_country_code"',
    "region": '$.properties."$geoip_subdivision_1_name"',
    "city": '$.properties."$geoip_city_name"',
    "locale": '$.properties."$browser_language"',
    "user_agent": '$.properties."$raw_user_agent"',
    "ip": '$.properties."$ip"',
    "library": '$.properties."$lib"',
    "revenue": "$.properties.revenue",
    "currency": "$.properties.currency",
    "amount": "$.properties.amount_cents",
    "export_time": "$.created_at",
    "flag": '$.properties."$feature_flag"',
    "flag_variant": '$.properties."$feature_flag_response"',
}
_OBJECTS = {
    "sent_properties": "$.properties",
    "groups": '$.properties."$groups"',
    "set": '$."$set"',
    "set_once": '$."$set_once"',
    "inner_set": '$.properties."$set"',
    "inner_set_once": '$.properties."$set_once"',
}


def projection(rows: str) -> str:
    """Events of browsers carry a device and may name a user; of servers, `distinct_id` is the user.

    An event without a person profile is of somebody unknown; `$groupidentify` carries an invented person, left out.
    A flag of several variants that is used is an exposure; one that is on or off has none.
    """
    read = told(rows, _TEXTS, _OBJECTS)
    distinct_id = "coalesce(distinct_id_, inner_distinct_id_)"
    user = f"""case
        when event_name_ = '$groupidentify' then null
        when own_user_id_ is not null then own_user_id_
        when event_name_ = '$identify' or is_identified_ = 'true' then {distinct_id}
        when is_identified_ = 'false' or has_profile_ = 'false' or {distinct_id} = device_id_ then null
        else {distinct_id}
    end"""
    anonymous = f"""case
        when event_name_ = '$groupidentify' then null
        when event_name_ = '$identify' then coalesce(anonymous_before_, device_id_)
        when device_id_ is not null then device_id_
        when own_user_id_ is null and (is_identified_ = 'false' or has_profile_ = 'false') then {distinct_id}
    end"""
    money = amount_cents("revenue_", "currency_")
    added = {
        "$set": "case when inner_set_ is null then set_ end",
        "$set_once": "case when inner_set_once_ is null then set_once_ end",
        "amount_cents": f"case when amount_ is null then {money} end",
        "experiment": f"case when {IS_EXPOSURE} then flag_ end",
        "variant": f"case when {IS_EXPOSURE} then flag_variant_ end",
    }
    return drafted(
        read,
        _TEXTS,
        {
            "event_id": "id_",
            "event_name": f"case when {IS_EXPOSURE} then 'experiment_exposed' else event_name_ end",
            "occurred_at": "coalesce(time_, export_time_)",
            "sent_at": "shared ->> '$.sent_at'",
            "user_id": user,
            "anonymous_id": anonymous,
            "session_id": "coalesce(inner_session_, session_)",
            "account_id": "coalesce(group_key_, groups_ ->> '$.company', json_extract_string(groups_, '$.*')[1])",
            "page_title": "coalesce(title_, own_title_)",
            "referrer": "nullif(referrer_, '$direct')",
            "device_type": "lower(device_type_)",
        },
        with_added("coalesce(sent_properties_, '{}')", added),
    )


def config(request: Request, app: str, flags: Flags) -> Answer:
    """What posthog-js asks before anything: how it may compress, and whether experiments run; nothing else is on."""
    del app
    return Answer(json.dumps(CONFIG | {"hasFeatureFlags": flags.are_there(request.path.split("/")[2])}).encode())


def no_script(request: Request, app: str, flags: Flags) -> Answer:
    """What posthog-js would load beside itself, which a page of another site is to hear is not there."""
    del request, app, flags
    return Answer(b"", "text/javascript", 404)


def variants(request: Request, app: str, flags: Flags) -> Answer:
    """The variants of who asks, as feature flags; where an SDK uses one it tells `$feature_flag_called`."""
    del app
    asked = request.body if isinstance(request.body, dict) else {}
    person, groups = asked.get("distinct_id"), asked.get("groups")
    known = asked.get("person_properties")
    device = asked.get("$device_id") or (known.get("$device_id") if isinstance(known, dict) else None)
    account = groups.get("company") or next(iter(groups.values()), None) if isinstance(groups, dict) else None
    ids = {"person": person, "device": device or person, "account": account}
    found = flags.variants(_key(request, []), {kind: each for kind, each in ids.items() if isinstance(each, str)})
    told_flags = {
        "flags": {
            name: {
                "key": name,
                "enabled": True,
                "variant": variant,
                "reason": {"code": "condition_match", "condition_index": 0, "description": "Assigned"},
                "metadata": {"id": 0, "version": 1, "payload": None},
            }
            for name, variant in found.items()
        },
        "featureFlags": found,
        "featureFlagPayloads": {},
        "errorsWhileComputingFlags": False,
    }
    return Answer(json.dumps(CONFIG | {"hasFeatureFlags": bool(found)} | told_flags).encode())


POSTHOG = Vendor(
    name="posthog",
    paths=("/batch", "/e", "/capture", "/i/v0/e", "/s", V1),
    receive=receive,
    batch="batch",
    outlines=dict.fromkeys(("/batch", "/e", "/capture", "/i/v0/e"), Batch),
    shared=shared,
    projection=projection,
    accepted=accepted,
    answers={
        **dict.fromkeys(("/array/{token}/config.js", "/static/{script}", "/static/{version}/{script}"), no_script),
        "/array/{token}/config": config,
        "/flags": variants,
        "/decide": variants,
    },
    claims=lambda request: not (isinstance(request.body, dict) and "events" in request.body),
)
