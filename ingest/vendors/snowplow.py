# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Snowplow's tracker protocol: payloads to `/com.snowplowanalytics.snowplow/tp2`, or one in the query of `/i`.

Also its Iglu webhook, by which who has no tracker sends an event of a schema of his.
"""

from __future__ import annotations

import json

from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import GIF, Answer, Received, RefusedRequest, Request, Vendor, drafted, told, with_added

IGLU = "/com.snowplowanalytics.iglu/v1"
_SELF_DESCRIBING = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
# what the query of the Iglu webhook says of the event beside its data
_OF_EVENT = ("aid", "p", "eid", "ttm", "url", "uid")


def receive(request: Request) -> Received:
    """Take payloads; the app id stands for the key.

    Raises:
        RefusedRequest: 400 when there is none.
    """
    if request.path == IGLU:
        return _webhook(request)
    if request.method == "GET" and request.body is None:
        payload = dict(request.query)
        if "e" not in payload:
            raise RefusedRequest(400, "The query has no `e`. Send a payload of the tracker protocol.")
        return Received(payload.get("aid"), json.dumps({"data": [payload]}).encode(), 1)
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise RefusedRequest(400, "The body has no list `data`. Send {schema, data}.")
    first = body["data"][0] if body["data"] else None
    app = first.get("aid") if isinstance(first, dict) else None
    return Received(app if isinstance(app, str) else None, request.text, len(body["data"]))


def _webhook(request: Request) -> Received:
    """An event of a schema: its data are the body, or the rest of the query."""
    schema, data = request.query.get("schema"), request.body
    if isinstance(data, dict) and isinstance(data.get("schema"), str) and "data" in data:
        schema, data = data["schema"], data["data"]
    if not schema:
        raise RefusedRequest(400, "There is no `schema`. Name it in the query, or send {schema, data}.")
    if data is None:
        data = {name: value for name, value in request.query.items() if name not in ("schema", *_OF_EVENT)}
    payload = {name: request.query[name] for name in _OF_EVENT if name in request.query}
    described = {"schema": _SELF_DESCRIBING, "data": {"schema": schema, "data": data}}
    payload |= {"e": "ue", "tv": "iglu webhook", "ue_pr": json.dumps(described)}
    return Received(payload.get("aid"), json.dumps({"data": [payload]}).encode(), 1)


def accepted(request: Request) -> Answer:
    """A pixel for the query, an empty object for the body."""
    return Answer(GIF, "image/gif") if request.method == "GET" else Answer()


_TEXTS = {
    name: f"$.{name}"
    for name in (
        "e", "eid", "dtm", "ttm", "stm", "uid", "duid", "tnuid", "sid", "url", "page", "refr", "ua", "lang", "ip", "tv",
        "aid", "p", "se_ca", "se_ac", "se_la", "se_pr", "se_va", "ue_pr", "ue_px", "co", "cx", "tr_id", "tr_tt",
        "tr_cu", "pp_max", "mkt_source", "mkt_medium", "mkt_campaign", "mkt_term", "mkt_content", "device", "os",
        "browser", "country", "region", "city",
    )
}  # fmt: skip


# the columns of an enriched event in their order, as far as they are read; see Snowplow's canonical event model
_ENRICHED = {
    "aid": 1, "p": 2, "event": 6, "eid": 7, "tv": 10, "uid": 13, "ip": 14, "duid": 16, "tnuid": 18, "country": 19,
    "region": 25, "city": 21, "url": 30, "page": 31, "refr": 32, "mkt_medium": 48, "mkt_source": 49, "mkt_term": 50,
    "mkt_content": 51, "mkt_campaign": 52, "co": 53, "se_ca": 54, "se_ac": 55, "se_la": 56, "se_pr": 57, "se_va": 58,
    "ue_pr": 59, "tr_id": 60, "tr_tt": 62, "pp_max": 77, "ua": 78, "browser": 80, "lang": 84, "os": 98, "device": 102,
    "tr_cu": 109, "sid": 124,
}  # fmt: skip
ENRICHED_COLUMNS = 131
_TIMES = (131, 125, 5, 4)  # true, derived, of the device, of the collector: corrected already
_EVENTS = {
    "page_view": "pv",
    "page_ping": "pp",
    "struct": "se",
    "unstruct": "ue",
    "transaction": "tr",
    "transaction_item": "ti",
}


def line(text: str) -> str:
    """A line of enriched TSV as a payload; null where it has too few columns."""
    cells = f"string_split({text}, chr(9))"
    members = ", ".join(f"'{name}', nullif({cells}[{place}], '')" for name, place in _ENRICHED.items())
    kinds = " ".join(f"when '{theirs}' then '{ours}'" for theirs, ours in _EVENTS.items())
    times = [f"nullif({cells}[{place}], '')" for place in _TIMES]
    time = f"coalesce({', '.join(times)})"
    kind = f"case {cells}[6] {kinds} else {cells}[6] end"
    return f"case when len({cells}) >= {ENRICHED_COLUMNS} then json_object({members}, 'e', {kind}, 'ttm', {time}) end"


def projection(rows: str) -> str:
    """A self-describing event has the name of its schema; a structured one that of its action."""
    read = told(rows, _TEXTS)
    unpacked = f"""
        select *, split_part(json_extract_string(described, '$.data.schema'), '/', 2) as schema_name,
            json_extract(described, '$.data.data') as described_data
        from (select *, {_json("ue_pr_", "ue_px_")} as described, {_json("co_", "cx_")} as contexts from ({read}))"""
    revenue = "coalesce(tr_tt_, case when schema_name is not null then described_data ->> '$.revenue' end)"
    currency = "coalesce(tr_cu_, described_data ->> '$.currency')"
    sent = "case when json_type(described_data) = 'OBJECT' then described_data else '{}' end"
    added = {
        **{name: f"{name}_" for name in ("se_ca", "se_la", "se_pr", "se_va")},
        "order_id": "tr_id_",
        "currency": "tr_cu_",
        "scroll_pixels": "pp_max_",
        "amount_cents": amount_cents(revenue, currency),
    }
    return drafted(
        unpacked,
        _TEXTS,
        {
            "event_id": "eid_",
            "event_name": """case e_ when 'pv' then 'page_view' when 'pp' then 'page_ping' when 'se' then se_ac_
                when 'ue' then schema_name when 'tr' then 'transaction' when 'ti' then 'transaction_item'
                else e_ end""",
            "occurred_at": "coalesce(ttm_, dtm_)",
            # a true time is the sender's own word
            "sent_at": "case when ttm_ is null then stm_ end",
            "user_id": "uid_",
            "anonymous_id": "coalesce(duid_, tnuid_)",
            "session_id": "sid_",
            "page_url": "url_",
            "page_title": "page_",
            "referrer": "refr_",
            "locale": "lang_",
            "user_agent": "ua_",
            "library": "tv_",
            "app": "coalesce(app, aid_)",
            "utm_source": "mkt_source_",
            "utm_medium": "mkt_medium_",
            "utm_campaign": "mkt_campaign_",
            "utm_term": "mkt_term_",
            "utm_content": "mkt_content_",
            "device_type": "lower(device_)",
        },
        with_added(sent, added),
        "case when contexts is not null then json_object('contexts', contexts) end",
    )


def _json(plain: str, packed: str) -> str:
    """The SQL of JSON that is sent as text, or in base64 of either alphabet."""
    standard = f"replace(replace(rtrim({packed}, '='), '-', '+'), '_', '/')"
    padded = f"rpad({standard}, ((length({standard}) + 3) // 4 * 4)::integer, '=')"
    unpacked = f"case when {packed} is not null then try(decode(from_base64({padded}))) end"
    return f"try_cast(coalesce({plain}, {unpacked}) as json)"


SNOWPLOW = Vendor(
    name="snowplow",
    paths=("/com.snowplowanalytics.snowplow/tp2", "/i", IGLU),
    receive=receive,
    batch="data",
    projection=projection,
    accepted=accepted,
    line=line,
)
