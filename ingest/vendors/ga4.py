"""Google Analytics 4's Measurement Protocol: events to `/mp/collect`, the secret in the query."""

from __future__ import annotations

import json

from ingest.envelope import other_keys
from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import Answer, Received, RefusedRequest, Request, Vendor, drafted, told, with_added


def receive(request: Request) -> Received:
    """Take the events of a client.

    Raises:
        RefusedRequest: 400 when there is no list of them.
    """
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("events"), list):
        raise RefusedRequest(400, "The body has no list of `events`. Send {client_id, events}.")
    return Received(request.query.get("api_secret"), request.text, len(body["events"]))


def events(body: str) -> str:
    """The events of a body."""
    return f"json_extract({body}, '$.events[*]')"


def shared(body: str) -> str:
    """Who and when, which the request says once for its events."""
    return f"""json_object(
        'client_id', coalesce({body} ->> '$.client_id', {body} ->> '$.app_instance_id'),
        'user_id', {body} ->> '$.user_id', 'time', {body} ->> '$.timestamp_micros',
        'user_properties', json_extract({body}, '$.user_properties'),
        'device', json_extract({body}, '$.device'), 'place', json_extract({body}, '$.user_location'),
        'ip', {body} ->> '$.ip_override')"""


_TEXTS = {
    "name": "$.name",
    "time": "$.timestamp_micros",
    "session": "$.params.session_id",
    "url": "$.params.page_location",
    "title": "$.params.page_title",
    "referrer": "$.params.page_referrer",
    "source": "$.params.source",
    "medium": "$.params.medium",
    "campaign": "$.params.campaign",
    "term": "$.params.term",
    "content": "$.params.content",
    "value": "$.params.value",
    "currency": "$.params.currency",
    "amount": "$.params.amount_cents",
    "transaction": "$.params.transaction_id",
    "order": "$.params.order_id",
}


def projection(rows: str) -> str:
    """The value of a purchase or a refund is money; of other events it is a number."""
    read = told(rows, {f"{name}_": path for name, path in _TEXTS.items()}, {"params": "$.params"})
    money = amount_cents("value_", "currency_")
    user_properties = "json_extract(shared, '$.user_properties')"
    key = "'/' || replace(replace(key, '~', '~0'), '/', '~1') || '/value'"
    values = f"""list_transform(json_keys({user_properties}), lambda key:
        to_json(key)::varchar || ':' || coalesce(json_extract({user_properties}, {key})::varchar, 'null'))"""
    added = {
        "order_id": "case when order_ is null then transaction_ end",
        "amount_cents": f"case when amount_ is null and name_ in ('purchase', 'refund') then {money} end",
        "$set": f"""case when json_type({user_properties}) = 'OBJECT'
            then ('{{' || array_to_string({values}, ',') || '}}')::json end""",
    }
    return drafted(
        read,
        {
            "event_name": "name_",
            "occurred_at": "coalesce(time_, shared ->> '$.time')",
            "user_id": "shared ->> '$.user_id'",
            "anonymous_id": "shared ->> '$.client_id'",
            "session_id": "session_",
            "page_url": "url_",
            "page_title": "title_",
            "referrer": "referrer_",
            "utm_source": "source_",
            "utm_medium": "medium_",
            "utm_campaign": "campaign_",
            "utm_term": "term_",
            "utm_content": "content_",
            "device_type": "shared ->> '$.device.category'",
            "os": "shared ->> '$.device.operating_system'",
            "browser": "shared ->> '$.device.browser'",
            "locale": "shared ->> '$.device.language'",
            "country": "shared ->> '$.place.country_id'",
            "region": "shared ->> '$.place.region_id'",
            "city": "shared ->> '$.place.city'",
            "ip": "shared ->> '$.ip'",
            "library": "'measurement_protocol'",
        },
        with_added("coalesce(params, '{}')", added),
        other_keys("json_extract(shared, '$.device')", ("category", "operating_system", "browser", "language")),
    )


def debug(request: Request, app: str) -> Answer:
    """What is wrong with a request, of which nothing is kept."""
    del app
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
    events=events,
    shared=shared,
    projection=projection,
    answers={"/debug/mp/collect": debug},
)
