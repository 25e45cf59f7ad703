"""Each vendor's requests: what they are answered, and which events they become."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

import ingest
from ingest import quarantine
from ingest.collector.keys import Keys
from tests.ingest.collector.exchange import basic, exchange
from tests.ingest.events import landed

AT = "2024-05-06T07:08:09Z"
MS = 1_714_979_289_000
FIELDS = "event_name, user_id, anonymous_id, account_id, epoch(occurred_at)::bigint, page_url, utm_source, properties"
GIF = b"GIF89a"


def packed(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def segment(key: str) -> dict[str, Any]:
    message = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "segment-1",
        "anonymousId": "d1",
        "userId": "u1",
        "timestamp": AT,
        "properties": {"order_id": "o1", "revenue": 19.99, "currency": "EUR"},
        "context": {"groupId": "acme", "page": {"url": "https://a.example/x"}, "campaign": {"source": "news"}},
    }
    return {"path": "/v1/batch", "headers": basic(key), "json": {"batch": [message]}}


def posthog(key: str) -> dict[str, Any]:
    properties = {
        "distinct_id": "u1",
        "$device_id": "d1",
        "$is_identified": True,
        "$current_url": "https://a.example/x",
    }
    properties |= {"$groups": {"company": "acme"}, "utm_source": "news", "token": key}
    properties |= {"order_id": "o1", "revenue": 19.99, "currency": "EUR"}
    event = {"uuid": "posthog-1", "event": "Order Completed", "timestamp": AT, "properties": properties}
    body = gzip.compress(json.dumps({"api_key": key, "batch": [event]}).encode())
    return {"path": "/e/", "headers": {"Content-Type": "text/plain"}, "content": body}


def amplitude(key: str) -> dict[str, Any]:
    event = {
        "event_type": "Order Completed",
        "insert_id": "amplitude-1",
        "device_id": "d1",
        "user_id": "u1",
        "time": MS,
        "groups": {"company": "acme"},
        "price": 9.995,
        "quantity": 2,
        "currency": "EUR",
        "event_properties": {
            "order_id": "o1",
            "utm_source": "news",
            "[Amplitude] Page Location": "https://a.example/x",
        },
    }
    return {"path": "/batch", "json": {"api_key": key, "events": [event]}}


def mixpanel(key: str) -> dict[str, Any]:
    properties = {"token": key, "distinct_id": "u1", "$device_id": "d1", "$user_id": "u1", "$insert_id": "mixpanel-1"}
    properties |= {"time": MS / 1000, "company": ["acme"], "$current_url": "https://a.example/x", "utm_source": "news"}
    properties |= {"order_id": "o1", "revenue": 19.99, "currency": "EUR"}
    event = {"event": "Order Completed", "properties": properties}
    form = "application/x-www-form-urlencoded"
    return {
        "path": "/track/?verbose=1",
        "headers": {"Content-Type": form},
        "content": f"data={quote(packed([event]))}".encode(),
    }


ANSWERS: dict[Any, Any] = {
    segment: {"success": True},
    posthog: {"status": 1},
    amplitude: {"code": 200},
    mixpanel: {"status": 1, "error": None},
}


@pytest.mark.parametrize("vendor", ANSWERS, ids=lambda vendor: vendor.__name__)
def test_one_story_is_one_event_whoever_tells_it(vendor: Any, tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    (answer,) = exchange(tmp_path, vendor(key))
    assert answer.status_code == 200
    assert ANSWERS[vendor].items() <= answer.json().items()
    (row,) = landed(tmp_path, f"app, event_id, {FIELDS}")
    properties = json.loads(row[-1])
    story = ("Order Completed", "u1", "d1", "acme", MS // 1000, "https://a.example/x", "news")
    assert row[:-1] == ("shop", f"{vendor.__name__}-1", *story)
    assert {name: properties[name] for name in ("order_id", "amount_cents", "currency")} == {
        "order_id": "o1",
        "amount_cents": 1999,
        "currency": "EUR",
    }
    assert key not in row[-1]


def test_without_keys_events_are_those_of_the_app_that_is_served(tmp_path: Path) -> None:
    exchange(tmp_path, segment("anything"))
    assert landed(tmp_path, "app, event_id") == [("default", "segment-1")]


def test_segment_types_name_their_events(tmp_path: Path) -> None:
    who = {"userId": "u1", "anonymousId": "d1", "timestamp": AT}
    messages = [
        {"type": "page", "name": "Home", "properties": {"url": "https://a.example/"}},
        {"type": "screen", "name": "Main"},
        {"type": "identify", "traits": {"plan": "pro"}},
        {"type": "identify", "context": {"traits": {"plan": "rudder"}}},
        {"type": "group", "groupId": "acme", "traits": {"seats": 3}},
        {"type": "alias", "previousId": "old"},
    ]
    exchange(
        tmp_path,
        *({"path": "/v1/t", "json": who | message | {"messageId": str(n)}} for n, message in enumerate(messages)),
    )
    assert landed(tmp_path, "event_id, event_name, account_id, page_url, properties") == [
        ("0", "page", None, "https://a.example/", '{"name":"Home","url":"https://a.example/"}'),
        ("1", "screen", None, None, '{"name":"Main"}'),
        ("2", "identify", None, None, '{"$set":{"plan":"pro"}}'),
        ("3", "identify", None, None, '{"$set":{"plan":"rudder"}}'),
        ("4", "group", "acme", None, '{"$group_set":{"seats":3}}'),
        ("5", "alias", None, None, '{"previous_id":"old"}'),
    ]


POSTHOG_PERSONS = [
    ({"event": "x", "distinct_id": "u"}, ("u", None)),
    ({"event": "x", "distinct_id": "r", "properties": {"$process_person_profile": False}}, (None, "r")),
    ({"event": "x", "properties": {"distinct_id": "d", "$device_id": "d", "$is_identified": False}}, (None, "d")),
    ({"event": "x", "properties": {"distinct_id": "u", "$device_id": "d", "$is_identified": True}}, ("u", "d")),
    ({"event": "x", "properties": {"distinct_id": "u", "$device_id": "d", "$user_id": "u"}}, ("u", "d")),
    ({"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "d"}}, ("u", "d")),
    ({"event": "$groupidentify", "distinct_id": "$company_acme", "properties": {"$group_key": "a"}}, (None, None)),
]


@pytest.mark.parametrize(("event", "person"), POSTHOG_PERSONS)
def test_posthog_says_who_it_was_in_many_ways(event: Any, person: Any, tmp_path: Path) -> None:
    exchange(tmp_path, {"path": "/batch/", "json": {"api_key": "k", "batch": [event]}})
    assert landed(tmp_path, "user_id, anonymous_id") == [person]


MIXPANEL_PERSONS = [
    ({"distinct_id": "$device:d", "$device_id": "d"}, (None, "d")),
    ({"distinct_id": "u", "$device_id": "d", "$user_id": "u"}, ("u", "d")),
    ({"distinct_id": "u"}, ("u", None)),
]


@pytest.mark.parametrize(("properties", "person"), MIXPANEL_PERSONS)
def test_mixpanel_says_device_before_a_devices_id(properties: Any, person: Any, tmp_path: Path) -> None:
    exchange(tmp_path, {"path": "/track", "json": {"event": "x", "properties": properties}})
    assert landed(tmp_path, "user_id, anonymous_id") == [person]


def test_mixpanel_imports_by_a_key_in_the_header(tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    body = [{"event": "x", "properties": {"distinct_id": "u", "time": MS, "$insert_id": "i"}}]
    good, bad = (
        exchange(tmp_path, {"path": "/import", "json": body, "headers": basic(each)})[0] for each in (key, "?")
    )
    assert (good.status_code, bad.status_code) == (200, 401)
    assert landed(tmp_path, "app") == [("shop",)]


def test_amplitude_stops_at_a_wrong_key(tmp_path: Path) -> None:
    Keys(tmp_path).create("write", "shop")
    (answer,) = exchange(tmp_path, {"path": "/2/httpapi", "json": {"api_key": "?", "events": [{"event_type": "x"}]}})
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert answer.json()["error"] == "Invalid API key: make one with `footfall keys create`."


def test_mixpanel_profiles_and_groups_are_events(tmp_path: Path) -> None:
    exchange(
        tmp_path,
        {"path": "/engage/", "json": [{"$token": "k", "$distinct_id": "u", "$set": {"plan": "pro"}, "$time": MS}]},
        {"path": "/groups/", "json": [{"$token": "k", "$group_key": "company", "$group_id": "a", "$set": {"n": 1}}]},
        {"path": "/import", "json": [{"event": "$merge", "properties": {"$distinct_ids": ["a", "b"]}}]},
    )
    assert landed(tmp_path, "event_name, user_id, account_id, properties") == [
        ("$groupidentify", None, "a", '{"$group_set":{"n":1}}'),
        ("$merge", "a", None, '{"previous_id":"b","$distinct_ids":["a","b"]}'),
        ("$set", "u", None, '{"$set":{"plan":"pro"}}'),
    ]


def test_snowplow_payloads_by_body_and_by_query(tmp_path: Path) -> None:
    order = {"schema": "x", "data": {"schema": "iglu:com.a/order/jsonschema/1-0-0", "data": {"order_id": "o1"}}}
    who = {"uid": "u1", "duid": "d1", "sid": "s1", "dtm": str(MS), "aid": "shop", "p": "web"}
    payloads: list[dict[str, str]] = [
        {"e": "pv", "eid": "1", "url": "https://a.example/?utm_source=x", "page": "Home", "refr": "https://b.example/"},
        {"e": "pp", "eid": "2"},
        {"e": "se", "eid": "3", "se_ca": "shop", "se_ac": "add", "se_va": "19.99"},
        {"e": "ue", "eid": "4", "ue_pr": json.dumps(order)},
        {"e": "ue", "eid": "5", "ue_px": packed(order).rstrip("=").replace("+", "-").replace("/", "_")},
    ]
    post = {"path": "/com.snowplowanalytics.snowplow/tp2", "json": {"data": [who | each for each in payloads]}}
    get = {"method": "GET", "path": "/i?" + urlencode(who | {"e": "pv", "eid": "6"})}
    answers = exchange(tmp_path, post, get)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].content.startswith(GIF)
    assert landed(tmp_path, "event_id, event_name, user_id, anonymous_id, session_id, properties") == [
        ("1", "page_view", "u1", "d1", "s1", "{}"),
        ("2", "page_ping", "u1", "d1", "s1", "{}"),
        ("3", "add", "u1", "d1", "s1", '{"se_ca":"shop","se_va":"19.99"}'),
        ("4", "order", "u1", "d1", "s1", '{"order_id":"o1"}'),
        ("5", "order", "u1", "d1", "s1", '{"order_id":"o1"}'),
        ("6", "page_view", "u1", "d1", "s1", "{}"),
    ]


def test_snowplow_by_a_path_of_ones_own_and_by_the_iglu_webhook(tmp_path: Path) -> None:
    schema = {"schema": "iglu:com.a/order/jsonschema/1-0-0"}
    answers = exchange(
        tmp_path,
        {"path": "/com.a/track", "json": {"data": [{"e": "pv", "eid": "1", "aid": "shop"}]}},
        {"method": "GET", "path": "/com.snowplowanalytics.iglu/v1?" + urlencode(schema | {"eid": "2", "n": "1"})},
        {"path": "/com.snowplowanalytics.iglu/v1?eid=3", "json": schema | {"data": {"n": 1}}},
        {"path": "/com.snowplowanalytics.iglu/v1?" + urlencode(schema | {"eid": "4"}), "json": {"n": 2}},
        {"path": "/com.snowplowanalytics.iglu/v1", "json": {"n": 2}},
        snowplow_paths="/com.a/track, /other/",
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 400]
    assert answers[1].content.startswith(GIF)
    assert landed(tmp_path, "event_id, event_name, properties") == [
        ("1", "page_view", "{}"),
        ("2", "order", '{"n":"1"}'),
        ("3", "order", '{"n":1}'),
        ("4", "order", '{"n":2}'),
    ]


def test_segment_types_are_said_by_paths_and_messages_by_pixels(tmp_path: Path) -> None:
    pixel = packed({"writeKey": "k", "event": "Email Opened", "userId": "u", "messageId": "3"}).rstrip("=")
    answers = exchange(
        tmp_path,
        {"path": "/v1/identify", "json": {"userId": "u", "traits": {"plan": "pro"}, "messageId": "1"}},
        {"path": "/v1/p", "json": {"userId": "u", "name": "Home", "messageId": "2"}},
        {"method": "GET", "path": f"/v1/pixel/track?data={quote(pixel)}"},
        {"path": "/v1/batch", "json": {"batch": [{"userId": "u", "event": "x", "messageId": "4"}]}},
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[2].content.startswith(GIF)
    assert landed(tmp_path, "event_id, event_name, properties") == [
        ("1", "identify", '{"$set":{"plan":"pro"}}'),
        ("2", "page", '{"name":"Home"}'),
        ("3", "Email Opened", "{}"),
        ("4", "x", "{}"),
    ]


def test_amplitude_takes_forms(tmp_path: Path) -> None:
    event = {"event_type": "x", "user_id": "u", "insert_id": "1", "time": MS}
    user = {"user_id": "u", "user_properties": {"$set": {"plan": "pro"}}, "insert_id": "2"}
    group = {"group_type": "company", "group_value": "acme", "group_properties": {"$set": {"n": 1}}, "insert_id": "3"}
    answers = exchange(
        tmp_path,
        {"path": "/httpapi", "data": {"api_key": "k", "event": json.dumps([event])}},
        {"path": "/identify", "data": {"api_key": "k", "identification": json.dumps(user)}},
        {"path": "/groupidentify", "data": {"api_key": "k", "identification": json.dumps([group])}},
        {"path": "/httpapi", "data": {"api_key": "k", "event": "{"}},
        {"path": "/httpapi", "json": [event]},
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 400]
    assert landed(tmp_path, "event_id, event_name, user_id, account_id, properties") == [
        ("1", "x", "u", None, "{}"),
        ("2", "$identify", "u", None, '{"$set":{"plan":"pro"}}'),
        ("3", "$groupidentify", None, "acme", '{"$group_set":{"n":1}}'),
    ]


def test_plausible_visitors_are_made_of_address_and_agent(tmp_path: Path) -> None:
    view = {"n": "pageview", "u": "https://a.example/", "d": "a.example", "r": "https://b.example/"}
    sale = view | {"n": "Purchase", "p": '{"plan": "pro"}', "$": {"amount": "19.99", "currency": "JPY"}}
    agents = [{"User-Agent": "A"}, {"User-Agent": "A"}, {"User-Agent": "B"}]
    requests = zip([view, sale, view], agents, strict=True)
    exchange(tmp_path, *({"path": "/api/event", "json": body, "headers": headers} for body, headers in requests))
    rows = landed(tmp_path, "event_name, anonymous_id, properties")
    visitors = {name: {row[1] for row in rows if row[0] == name} for name in ("pageview", "Purchase")}
    assert len(visitors["pageview"]) == 2
    assert visitors["Purchase"] < visitors["pageview"]
    assert rows[0][2] == '{"currency":"JPY","amount_cents":20,"plan":"pro"}'


def test_plausible_domains_are_public_keys(tmp_path: Path) -> None:
    Keys(tmp_path).create("write", "site", "a.example")
    event = {"n": "pageview", "u": "https://a.example/"}
    known, unknown = exchange(
        tmp_path,
        {"path": "/api/event", "json": event | {"d": "a.example"}},
        {"path": "/api/event", "json": event | {"d": "b.example"}},
    )
    assert (known.status_code, unknown.status_code) == (200, 401)
    assert landed(tmp_path, "app") == [("site",)]


def test_ga4_says_once_who_and_when(tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    purchase = {
        "transaction_id": "o1",
        "value": 19.99,
        "currency": "EUR",
        "session_id": 7,
        "page_location": "https://a/",
    }
    body = {
        "client_id": "d1",
        "user_id": "u1",
        "timestamp_micros": MS * 1000,
        "user_properties": {"plan": {"value": "pro"}},
        "events": [{"name": "purchase", "params": purchase}, {"name": "view_item", "params": {"value": 5}}],
    }
    good, bad = exchange(
        tmp_path,
        {"path": f"/mp/collect?measurement_id=G-1&api_secret={key}", "json": body},
        {"path": "/mp/collect?measurement_id=G-1&api_secret=other", "json": body},
    )
    assert (good.status_code, bad.status_code) == (200, 200)
    rows = landed(tmp_path, "event_name, user_id, anonymous_id, session_id, epoch_ms(occurred_at), properties")
    assert [row[:-1] for row in rows] == [("purchase", "u1", "d1", "7", MS), ("view_item", "u1", "d1", None, MS)]
    assert json.loads(rows[0][-1])["amount_cents"] == 1999
    assert json.loads(rows[0][-1])["order_id"] == "o1"
    assert json.loads(rows[1][-1]) == {"$set": {"plan": "pro"}, "value": 5}


def test_ga4_is_told_no_error_and_the_fault_is_counted(tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    _, admin = Keys(tmp_path).create("admin", "*")
    events = {"client_id": "c1", "events": [{"name": "x"}]}
    answers = exchange(
        tmp_path,
        {"path": "/mp/collect?api_secret=wrong", "json": events},
        {"path": f"/mp/collect?api_secret={key}", "json": {"client_id": "c1"}},
        {"path": f"/mp/collect?api_secret={key}", "json": events},
        {"path": "/2/httpapi", "json": {"api_key": "wrong", "events": []}},
        {"method": "GET", "path": "/stats", "headers": basic(admin)},
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 200]
    counted = {(each["protocol"], each["status"]): each["requests"] for each in answers[-1].json()["answers"]}
    assert counted == {("ga4", 401): 1, ("ga4", 400): 1, ("ga4", 200): 1, ("amplitude", 401): 1}
    assert answers[-1].json()["error_rate"] == 0.75
    assert landed(tmp_path, "event_name") == [("x",)]


def test_matomo_and_umami(tmp_path: Path) -> None:
    form = {"idsite": "1", "uid": "u1", "_id": "d1", "url": "https://a.example/"}
    exchange(
        tmp_path,
        {"path": "/matomo.php", "data": form | {"idgoal": "0", "ec_id": "o1", "revenue": "19.99"}},
        {"path": "/matomo.php", "json": {"requests": ["?" + urlencode(form | {"action_name": "Home"})]}},
        {"path": "/api/send", "json": {"type": "event", "payload": {"website": "w", "hostname": "h", "url": "/x"}}},
        {"path": "/api/batch", "json": [{"type": "event", "payload": {"website": "w", "name": n}} for n in "ab"]},
    )
    assert landed(tmp_path, "event_name, user_id, page_url, properties") == [
        ("a", None, None, "{}"),
        ("b", None, None, "{}"),
        ("page_view", "u1", "https://a.example/", "{}"),
        ("pageview", None, "https://h/x", "{}"),
        ("purchase", "u1", "https://a.example/", '{"order_id":"o1","amount_cents":1999}'),
    ]


def test_a_clock_that_is_wrong_is_corrected_by_the_time_of_sending(tmp_path: Path) -> None:
    message = {"type": "track", "event": "x", "timestamp": "2020-01-01T10:00:00Z", "sentAt": "2020-01-01T10:05:00Z"}
    exchange(tmp_path, {"path": "/v1/t", "json": message})
    ((late,),) = landed(tmp_path, "epoch(received_at - occurred_at)")
    assert late == pytest.approx(300, abs=0.01)


def test_what_is_sent_again_in_other_batches_is_one_event(tmp_path: Path) -> None:
    messages = [{"type": "track", "event": "x", "userId": "u", "timestamp": AT, "messageId": f"m{n}"} for n in range(5)]
    exchange(tmp_path, *({"path": "/v1/batch", "json": {"batch": part}} for part in (messages[:3], messages[1:])))
    exchange(tmp_path, {"path": "/v1/batch", "json": {"batch": messages}})
    assert landed(tmp_path, "event_id") == [(f"m{n}",) for n in range(5)]


def test_a_bad_event_stops_no_other(tmp_path: Path) -> None:
    good = {"type": "track", "event": "x", "messageId": "good", "timestamp": AT}
    late = good | {"messageId": "bad", "timestamp": "yesterday"}
    (answer,) = exchange(tmp_path, {"path": "/v1/batch", "json": {"batch": [good, 7, late, None, {"type": "track"}]}})
    assert answer.status_code == 200
    assert landed(tmp_path, "event_id") == [("good",)]
    (batch,) = quarantine.list(tmp_path)
    assert batch.reasons == {"not_an_object": 2, "invalid_occurred_at": 1, "missing_event_name": 1}
    bytes_of = [row.raw for row in quarantine.read(tmp_path, batch.batch_id)]
    assert all(b"good" not in raw for raw in bytes_of)
    assert sum(b"yesterday" in raw for raw in bytes_of) == 1


def test_a_quarantined_event_can_be_mended_and_replayed(tmp_path: Path) -> None:
    bad = [{"type": "track", "event": "x", "messageId": f"m{n}", "timestamp": "yesterday"} for n in range(2)]
    exchange(tmp_path, {"path": "/v1/batch", "json": {"batch": bad}})
    (batch,) = quarantine.list(tmp_path)
    rows = tmp_path / "rows"
    quarantine.write_raw(tmp_path, batch.batch_id, rows)
    rows.write_bytes(rows.read_bytes().replace(b"yesterday", AT.encode()))
    receipt = quarantine.replay(tmp_path, batch.batch_id, file=rows)
    assert (receipt.accepted, receipt.quarantined) == (2, 0)
    assert landed(tmp_path, "event_id") == [("m0",), ("m1",)]


def test_an_exported_file_is_read_by_the_same_projection(tmp_path: Path) -> None:
    message = {"type": "track", "event": "x", "messageId": "m", "userId": "u", "timestamp": AT}
    (tmp_path / "export.json").write_text(json.dumps(message) + "\n")
    exchange(tmp_path / "received", {"path": "/v1/t", "json": message})
    ingest.load([tmp_path / "export.json"], tmp_path / "loaded", format="segment")
    columns = "event_id, event_name, user_id, occurred_at, properties"
    assert landed(tmp_path / "received", columns) == landed(tmp_path / "loaded", columns)


OWN = [
    ("/api/v1/analytics/events", {"event_type": "signup", "event_data": {"plan": "pro"}, "user_properties": {"a": 1}}),
    ("/analytics/events/track", {"event_name": "click", "properties": {"plan": "pro"}, "page_url": "https://a/"}),
    ("/analytics/events/content-engagement", {"content_id": "c1", "engagement_type": "like", "read_seconds": 3}),
    ("/analytics/events/user-behavior", {"behavior_type": "searched", "term": "x"}),
    ("/analytics/events/revenue", {"amount": "12.50", "currency": "EUR", "order_id": "o1"}),
    ("/analytics/events/track", {"event": "analytics_charge_started", "session_id": "s1", "station_id": "st"}),
    ("/analytics/events/track", {"event": "analytics_wallet_credited", "session_id": "s1", "amount": 1.5}),
]
OWN_TOLD = [
    ("charge_started", None, None, {"charging_session_id": "s1", "station_id": "st"}),
    ("click", None, "https://a/", {"plan": "pro"}),
    ("content_liked", None, None, {"content_id": "c1", "engagement_type": "like", "read_seconds": 3}),
    ("payment_completed", None, None, {"amount": "12.50", "currency": "EUR", "order_id": "o1", "amount_cents": 1250}),
    ("searched", None, None, {"behavior_type": "searched", "term": "x"}),
    ("signup", None, None, {"$set": {"a": 1}, "plan": "pro"}),
    ("wallet_credited", None, None, {"amount": 1.5, "amount_cents": 150, "charging_session_id": "s1"}),
]


def test_our_own_json_in_the_words_of_the_guides(tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    who = {"user_id": "u1", "timestamp": AT}
    requests = [{"path": path, "json": who | body, "headers": {"X-Api-Key": key}} for path, body in OWN]
    batch = {"path": "/analytics/events/track-batch", "json": {"events": []}}
    batches = [batch | {"headers": each} for each in ({"Authorization": f"Bearer {key}"}, basic(key))]
    answers = exchange(tmp_path, *requests, *batches, batch)
    assert [answer.json().get("received") for answer in answers] == [1] * len(OWN) + [0, 0, None]
    assert answers[-1].status_code == 401
    rows = landed(tmp_path, "event_name, session_id, page_url, properties", "user_id = 'u1'")
    assert [(*row[:3], json.loads(row[3])) for row in rows] == OWN_TOLD
