# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Google Analytics 4's Measurement Protocol: events to `/mp/collect`, the secret in the query."""

from __future__ import annotations

import json

import msgspec

from ingest.envelope import other_keys
from ingest.privacy.consent import refusal
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
    with_added,
)


class Batch(msgspec.Struct, gc=False):
    """What is read of a client's events."""

    events: list[Unread]


def receive(request: Request) -> Received:
    """Take the events of a client.

    Raises:
        RefusedRequest: 400 when there is no list of them.
    """
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("events"), list):
        raise RefusedRequest(400, "The body has no list of `events`. Send {client_id, events}.")
    return Received(request.query.get("api_secret"), request.text, len(body["events"]))


def refused(request: Request, status: int, message: str) -> Answer:
    """Success, as of this protocol, whose senders look for no error and some of which fail in their caller at one.

    What can be sent again as it is (the disk was full, the body came too slowly) is told all the same, as else it would
    be lost.
    """
    del request
    if status in (408, 503):
        return Answer(json.dumps({"code": status, "message": message}).encode(), status=status)
    return Answer()


def shared(body: str) -> str:
    """Who and when, which the request says once for its events."""
    return f"""json_object(
        'client_id', coalesce({body} ->> '$.client_id', {body} ->> '$.app_instance_id'),
        'user_id', {body} ->> '$.user_id', 'time', {body} ->> '$.timestamp_micros',
        'user_properties', json_extract({body}, '$.user_properties'),
        'device', json_extract({body}, '$.device'), 'place', json_extract({body}, '$.user_location'),
        'ip', {body} ->> '$.ip_override', 'consent', json_extract({body}, '$.consent'))"""


_TEXTS = {
    "name": "$.name",
    "time": "$.timestamp_micros",
    "session": "$.params.session_id",
    "page_url": "$.params.page_location",
    "page_title": "$.params.page_title",
    "referrer": "$.params.page_referrer",
    "source": "$.params.source",
    "medium": "$.params.medium",
    "campaign": "$.params.campaign",
    "utm_term": "$.params.term",
    "utm_content": "$.params.content",
    "value": "$.params.value",
    "currency": "$.params.currency",
    "amount": "$.params.amount_cents",
    "transaction": "$.params.transaction_id",
    "order": "$.params.order_id",
}
# a row of the BigQuery export says itself what a request says once
_EXPORTED = {
    "export_name": "$.event_name",
    "export_time": "$.event_timestamp",
    "export_user": "$.user_id",
    "export_client": "$.user_pseudo_id",
    "export_session": "$.params.ga_session_id",
    "export_device": "$.device.category",
    "export_os": "$.device.operating_system",
    "export_browser": "$.device.web_info.browser",
    "export_locale": "$.device.language",
    "export_country": "$.geo.country",
    "export_region": "$.geo.region",
    "export_city": "$.geo.city",
    "export_source": "$.collected_traffic_source.manual_source",
    "export_medium": "$.collected_traffic_source.manual_medium",
    "export_campaign": "$.collected_traffic_source.manual_campaign_name",
}


def _with_params(rows: str) -> str:
    """The `event_params` of the BigQuery export, a list of keys and typed values, as the object `params`."""
    kinds = ("string", "int", "double", "float")
    # a value that is not of a kind is a null of JSON there
    values = (f"nullif(json_extract(each, '$.value.{kind}_value')::varchar, 'null')" for kind in kinds)
    value = f"coalesce({', '.join(values)}, 'null')"
    members = f"""list_transform(json_extract(event, '$.event_params[*]'),
        lambda each: json_extract(each, '$.key')::varchar || ':' || {value})"""
    return f"""
        select * replace (case when json_type(event, '$.event_params') = 'ARRAY'
            then json_merge_patch(event, ('{{"params":{{' || array_to_string({members}, ',') || '}}}}')::json)
            else event end as event)
        from ({rows})"""


def _heeded(rows: str) -> str:
    """Events of those who refused are none: a request says that once, a row of the export itself."""
    said = {"consent": "json_extract(shared, '$.consent')", "privacy_info": "json_extract(event, '$.privacy_info')"}
    refusals = ", ".join(refusal(f"""'{{"{name}":' || {sql}::varchar || '}}'""") for name, sql in said.items())
    return f"select * replace (coalesce({refusals}, problem) as problem) from ({rows})"


def projection(rows: str) -> str:
    """The value of a purchase or a refund is money; of other events it is a number."""
    read = told(_heeded(_with_params(rows)), _TEXTS | _EXPORTED, {"params": "$.params"})
    money = amount_cents("value_", "currency_")
    user_properties = "json_extract(shared, '$.user_properties')"
    key = "'/' || replace(replace(key, '~', '~0'), '/', '~1') || '/value'"
    values = f"""list_transform(json_keys({user_properties}), lambda key:
        to_json(key)::varchar || ':' || coalesce(json_extract({user_properties}, {key})::varchar, 'null'))"""
    added = {
        "order_id": "case when order_ is null then transaction_ end",
        "amount_cents": f"""case when amount_ is null and coalesce(name_, export_name_) in ('purchase', 'refund')
            then {money} end""",
        "$set": f"""case when json_type({user_properties}) = 'OBJECT'
            then ('{{' || array_to_string({values}, ',') || '}}')::json end""",
    }
    return drafted(
        read,
        _TEXTS,
        {
            "event_name": "coalesce(name_, export_name_)",
            "occurred_at": "coalesce(time_, shared ->> '$.time', export_time_)",
            "user_id": "coalesce(shared ->> '$.user_id', export_user_)",
            "anonymous_id": "coalesce(shared ->> '$.client_id', export_client_)",
            "session_id": "coalesce(session_, export_session_)",
            "utm_source": "coalesce(source_, export_source_)",
            "utm_medium": "coalesce(medium_, export_medium_)",
            "utm_campaign": "coalesce(campaign_, export_campaign_)",
            "device_type": "coalesce(shared ->> '$.device.category', export_device_)",
            "os": "coalesce(shared ->> '$.device.operating_system', export_os_)",
            "browser": "coalesce(shared ->> '$.device.browser', export_browser_)",
            "locale": "coalesce(shared ->> '$.device.language', export_locale_)",
            "country": "coalesce(shared ->> '$.place.country_id', export_country_)",
            "region": "coalesce(shared ->> '$.place.region_id', export_region_)",
            "city": "coalesce(shared ->> '$.place.city', export_city_)",
            "ip": "shared ->> '$.ip'",
            "library": "'measurement_protocol'",
        },
        with_added("coalesce(params_, '{}')", added),
        other_keys("json_extract(shared, '$.device')", ("category", "operating_system", "browser", "language")),
    )


def debug(request: Request, app: str, flags: Flags) -> Answer:
    """What is wrong with a request, of which nothing is kept."""
    del app, flags
    try:
        receive(request)
    except RefusedRequest as refused:
        fault = {"description": str(refused), "validationCode": "VALUE_INVALID"}
        return Answer(json.dumps({"validationMessages": [fault]}).encode())
    return Answer(b'{"validationMessages":[]}')


GA4 = Vendor(
    name="ga4",
    paths=("/mp/collect",),
    receive=receive,
    batch="events",
    outlines={"/mp/collect": Batch},
    shared=shared,
    projection=projection,
    refused=refused,
    answers={"/debug/mp/collect": debug},
)
