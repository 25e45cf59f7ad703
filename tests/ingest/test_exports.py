"""Exported files of other products: recognised by their first line, read by the projection that also reads requests."""

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ingest
from ingest import quarantine
from ingest.vendors.snowplow import ENRICHED_COLUMNS
from tests.ingest.events import batches, landed

COLUMNS = (
    "event_id, event_name, user_id, anonymous_id, session_id, epoch_ms(occurred_at), page_url, utm_source, country"
)
MS = 1_714_979_289_000
US = MS * 1000

SEGMENT = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": "u1",
    "anonymousId": "d1",
    "timestamp": "2024-05-06T07:08:09.000Z",
    "originalTimestamp": "2024-05-06T06:08:09.000Z",
    "sentAt": "2024-05-06T06:08:10.000Z",
    "receivedAt": "2024-05-06T07:08:10.000Z",
    "context": {"page": {"url": "https://a.example/x"}, "campaign": {"source": "news"}, "location": {"country": "DE"}},
}
POSTHOG = {
    "uuid": "p1",
    "event": "Order Completed",
    "distinct_id": "u1",
    "timestamp": "2024-05-06T07:08:09Z",
    "properties": {
        "$device_id": "d1",
        "$user_id": "u1",
        "$session_id": "s1",
        "$current_url": "https://a.example/x",
        "utm_source": "news",
        "$geoip_country_code": "DE",
    },
}
AMPLITUDE = {
    "$insert_id": "a1",
    "event_type": "Order Completed",
    "event_time": "2024-05-06 07:08:09.000000",
    "user_id": "u1",
    "device_id": "d1",
    "session_id": 7,
    "country": "DE",
    "event_properties": {"utm_source": "news", "[Amplitude] Page Location": "https://a.example/x"},
}
MIXPANEL = {
    "event": "Order Completed",
    "properties": {
        "time": MS // 1000,
        "distinct_id": "u1",
        "$device_id": "d1",
        "$user_id": "u1",
        "$insert_id": "x1",
        "$current_url": "https://a.example/x",
        "utm_source": "news",
        "mp_country_code": "DE",
    },
}
GA4 = {
    "event_date": "20240506",
    "event_timestamp": US,
    "event_name": "Order Completed",
    "event_params": [
        {"key": "ga_session_id", "value": {"string_value": None, "int_value": 7}},
        {"key": "page_location", "value": {"string_value": "https://a.example/x", "int_value": None}},
    ],
    "user_id": "u1",
    "user_pseudo_id": "d1",
    "geo": {"country": "DE"},
    "collected_traffic_source": {"manual_source": "news"},
}
JSON_EXPORTS: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "segment": (SEGMENT, "m1", None),
    "posthog": (POSTHOG, "p1", "s1"),
    "amplitude": (AMPLITUDE, "a1", "7"),
    "mixpanel": (MIXPANEL, "x1", None),
    "ga4": (GA4, None, "7"),
}


def holds_the_order(home: Path, event_id: str | None, session_id: str | None) -> None:
    ((found, *rest),) = landed(home, COLUMNS)
    assert rest == ["Order Completed", "u1", "d1", session_id, MS, "https://a.example/x", "news", "DE"]
    assert event_id is None or found == event_id


@pytest.mark.parametrize("vendor", JSON_EXPORTS)
def test_an_export_is_recognised(vendor: str, tmp_path: Path) -> None:
    event, event_id, session_id = JSON_EXPORTS[vendor]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(event) + "\n")
    ingest.load([file], tmp_path / "home")
    holds_the_order(tmp_path / "home", event_id, session_id)
    assert [batch.source.format for batch in batches(tmp_path / "home")] == [vendor]


def test_the_bigquery_export_may_be_parquet(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps(GA4) + "\n")
    file = tmp_path / "export.parquet"
    duckdb.sql(f"copy (from '{tmp_path / 'export.json'}') to '{file}'")
    ingest.load([file], tmp_path / "home", format="ga4")
    holds_the_order(tmp_path / "home", None, "7")
    ingest.load([tmp_path / "export.json"], tmp_path / "home")
    assert [(batch.accepted, batch.duplicate) for batch in batches(tmp_path / "home")] == [(1, 0), (0, 1)]


def enriched(**cells: str) -> list[str]:
    places = {"app_id": 1, "collector": 4, "created": 5, "event": 6, "id": 7, "user": 13, "device": 16, "country": 19}
    places |= {"url": 30, "source": 49, "unstruct": 59, "session": 124, "derived": 125}
    row = [""] * ENRICHED_COLUMNS
    for name, value in cells.items():
        row[places[name] - 1] = value
    return row


def test_enriched_tsv_of_snowplow(tmp_path: Path) -> None:
    order = {"data": {"schema": "iglu:com.a/order_completed/jsonschema/1-0-0", "data": {"order_id": "o1"}}}
    who = {"app_id": "shop", "user": "u1", "device": "d1", "session": "s1", "country": "DE", "source": "news"}
    who |= {"url": "https://a.example/x", "collector": "2030-01-01 00:00:00", "derived": "2024-05-06 07:08:09.000"}
    rows = [
        enriched(event="unstruct", id="e1", unstruct=json.dumps(order), **who),
        enriched(event="page_view", id="e2", **who),
        ["short"],
    ]
    file = tmp_path / "good.tsv"
    with file.open("w", newline="") as text:
        csv.writer(text, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None).writerows(rows)
    ingest.load([file], tmp_path / "home")
    told = ["u1", "d1", "s1", MS, "https://a.example/x", "news", "DE"]
    assert landed(tmp_path / "home", COLUMNS) == [("e1", "order_completed", *told), ("e2", "page_view", *told)]
    assert landed(tmp_path / "home", "distinct app") == [("shop",)]
    (batch,) = quarantine.list(tmp_path / "home")
    assert batch.reasons == {"unreadable_line": 1}


LOG = r"""203.0.113.7 - - [06/May/2024:09:08:09 +0200] "GET /a?utm_source=x HTTP/1.1" 200 512 "https://b.example/" "Moz"
203.0.113.7 - frank [06/May/2024:09:08:10 +0200] "GET /style.css HTTP/1.1" 200 90 "-" "Moz"
203.0.113.8 - - [06/May/2024:09:08:11 +0200] "GET /gone HTTP/1.1" 404 0 "-" "Googlebot/2.1 \"x\""
203.0.113.9 - - [06/May/2024:09:08:12 +0200] "POST /api HTTP/2.0" 201 - "-" "-"
no line of a log
"""


def test_access_logs_with_bots_marked(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_text(LOG)
    ingest.load([file], tmp_path / "home", app="site")
    columns = "event_name, page_url, user_id, referrer, epoch_ms(occurred_at) - 1714979289000, properties"
    assert landed(tmp_path / "home", columns) == [
        ("page_not_found", "/gone", None, None, 2000, '{"method":"GET","status":404,"bytes":0}'),
        ("page_view", "/a?utm_source=x", None, "https://b.example/", 0, '{"method":"GET","status":200,"bytes":512}'),
        ("server_request", "/api", None, None, 3000, '{"method":"POST","status":201}'),
        ("server_request", "/style.css", "frank", None, 1000, '{"method":"GET","status":200,"bytes":90}'),
    ]
    assert len(landed(tmp_path / "home", "distinct anonymous_id")) == 3
    assert quarantine.list(tmp_path / "home")[0].reasons == {"unreadable_line": 1}
    ingest.load([file], tmp_path / "home", app="site")
    assert batches(tmp_path / "home")[1].duplicate == 4
