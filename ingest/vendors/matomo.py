"""Matomo's tracking API: parameters in a query, in a form, or many of them as a list of queries."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from ingest.vendors.money import amount_cents
from ingest.vendors.vendor import Answer, Received, RefusedRequest, Request, Vendor, drafted, told, with_added


def receive(request: Request) -> Received:
    """Take one request of tracking, or a list of them; the site's id stands for the key.

    Raises:
        RefusedRequest: 400 when there is none.
    """
    body = request.body
    if isinstance(body, dict) and isinstance(body.get("requests"), list):
        found = [_parameters(each) for each in body["requests"]]
    else:
        found = [{**request.query, **request.form}]
    if not any("idsite" in each for each in found):
        raise RefusedRequest(400, "There is no `idsite`. Send the parameters of the tracking API.")
    return Received(found[0].get("idsite"), json.dumps({"requests": found}).encode(), len(found))


def _parameters(query: object) -> dict[str, str]:
    if isinstance(query, dict):
        return {str(name): str(value) for name, value in query.items()}
    return dict(parse_qsl(query.lstrip("?"), keep_blank_values=True)) if isinstance(query, str) else {}


_TEXTS = {
    name: f"$.{name}"
    for name in (
        "action_name", "url", "urlref", "uid", "_id", "cid", "lang", "ua", "cdt", "ping", "e_c", "e_a", "e_n", "e_v",
        "idgoal", "ec_id", "revenue", "search", "search_cat", "link", "download", "_rcn", "_rck", "pv_id", "cip",
        "country", "region", "city",
    )
}  # fmt: skip
_NAMED = {
    "e_c": "category",
    "e_n": "name",
    "e_v": "value",
    "ec_id": "order_id",
    "search": "search_term",
    "pv_id": "page_view_id",
}


def projection(rows: str) -> str:
    """Goal 0 with an order is a purchase; an event has the name of its action."""
    read = told(rows, _TEXTS)
    added = {ours: f"{theirs}_" for theirs, ours in _NAMED.items()}
    added["goal_id"] = "nullif(idgoal_, '0')"
    # the currency is the site's, which no request says
    money = amount_cents("revenue_", "''")
    added["amount_cents"] = f"case when idgoal_ is not null then {money} end"
    return drafted(
        read,
        _TEXTS,
        {
            "event_name": """case when ping_ is not null then 'page_ping'
                when idgoal_ = '0' and ec_id_ is not null then 'purchase' when idgoal_ = '0' then 'cart_updated'
                when idgoal_ is not null then 'goal_converted' when e_c_ is not null then e_a_
                when search_ is not null then 'site_search' when download_ is not null then 'download'
                when link_ is not null then 'outbound_link' else 'page_view' end""",
            "occurred_at": "cdt_",
            "user_id": "uid_",
            "anonymous_id": "coalesce(_id_, cid_, visitor)",
            "page_url": "url_",
            "page_title": "action_name_",
            "referrer": "urlref_",
            "utm_campaign": "_rcn_",
            "utm_term": "_rck_",
            "locale": "lang_",
            "user_agent": "ua_",
            "ip": "cip_",
            "library": "'matomo'",
        },
        with_added("'{}'", added),
    )


MATOMO = Vendor(
    name="matomo",
    paths=("/matomo.php", "/piwik.php"),
    receive=receive,
    batch="requests",
    projection=projection,
    names_visitors=True,
    accepted=lambda request: Answer(b'{"status":"success"}') if request.body else Answer(b"", "text/plain"),
)
