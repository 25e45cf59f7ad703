"""Hostile requests: never a 500, never memory or a file beyond bounds, never another app's data."""

import asyncio
import gzip
import json
import random
import socket
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ingest.collector.keys import Keys
from ingest.vendors import VENDORS
from tests.ingest.collector.conftest import Server
from tests.ingest.collector.exchange import basic, exchange
from tests.ingest.events import landed

PATHS = sorted({path for vendor in VENDORS.values() for path in vendor.paths if "{" not in path})
DEEP = b'{"batch":' + b'[{"properties":' * 100_000
ODD_BODIES = {
    "nothing": b"",
    "blank": b" \n ",
    "no JSON": b"{",
    "a number": b"7",
    "null": b"null",
    "a text": b'"x"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "lists in lists": b"[[[]]]",
    "deep": DEEP,
    "deep and closed": b"[" * 5_000 + b"]" * 5_000,
    "wrong UTF-8": b'{"event":"\xff\xfe"}',
    "half a surrogate": b'{"batch":[{"type":"track","event":"\\ud800"}],"events":[{"event_type":"\\ud800"}]}',
    "NUL": b'{"batch":[{"type":"track","event":"a\\u0000b"}],"events":[{"event_type":"a\\u0000b"}]}',
    "huge numbers": b'{"batch":[{"timestamp":1e400,"event":"x"}],"events":[{"time":' + b"9" * 400 + b"}]}",
    "wrong types": b'{"batch":{"a":1},"events":7,"data":"x","payload":[],"requests":3,"api_key":[],"writeKey":{}}',
    "wrong types inside": b'{"batch":[1,null,"x",[],{"event":{},"properties":[],"context":7,"timestamp":[]}]}',
    "UTF-16": '{"batch":[]}'.encode("utf-16"),
    "torn gzip": gzip.compress(b'{"batch":[]}')[:-4],
    "gzip of nothing": gzip.compress(b""),
    "form of nothing": b"data=",
    "form of no base64": b"data=%%%%",
    "many fields": b"&".join(b"a%d=1" % number for number in range(2000)),
    "lines": b'{"type":\n"track",\r\n"event":"x","data":[],"events":[],"payload":{},"d":"x","n":"x"}',
}


@pytest.mark.parametrize("name", ODD_BODIES)
def test_no_body_is_answered_with_a_fault_of_ours(name: str, tmp_path: Path) -> None:
    requests = [{"path": path, "content": ODD_BODIES[name]} for path in PATHS]
    answers = exchange(tmp_path, *requests)
    assert {answer.status_code for answer in answers} <= {200, 400, 413}


def test_random_changes_of_good_requests_are_no_fault_of_ours(tmp_path: Path) -> None:
    rng = random.Random(1)
    good = b'{"batch":[{"type":"track","event":"x","properties":{"a":1.5}}],'
    good += b'"events":[{"event_type":"x"}],"data":[{"e":"pv"}]}'
    requests = []
    for _ in range(300):
        body = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        cut = bytes(body[: rng.randint(1, len(body))])
        headers = {"Content-Type": rng.choice(["text/plain", "application/json", "application/x-www-form-urlencoded"])}
        requests.append({"path": rng.choice(PATHS), "content": cut, "headers": headers})
    answers = exchange(tmp_path, *requests)
    assert {answer.status_code for answer in answers} <= {200, 400}


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    deflated = zlib.compress(b" " * 20_000_000)
    answers = exchange(
        tmp_path,
        {"path": "/v1/batch", "content": bomb},
        {"path": "/v1/batch", "content": deflated, "headers": {"Content-Encoding": "deflate"}},
        {"path": "/v1/batch", "content": b"x" * 2000, "headers": {"Content-Encoding": "br"}},
        max_body_bytes=1_000_000,
    )
    assert [answer.status_code for answer in answers] == [413, 413, 400]


def test_numbers_beyond_a_double_stop_no_event_beside_them(tmp_path: Path) -> None:
    messages = [
        b'{"type":"track","event":"x","messageId":"a"}',
        b'{"type":"track","event":"x","messageId":"b","properties":{"v":1e400,"revenue":' + b"9" * 400 + b"}}",
        b'{"type":"track","event":"x","messageId":"c","timestamp":1e400}',
        b'{"type":"track","event":"x","messageId":"d","timestamp":' + b"9" * 5000 + b"}",
    ]
    batch, alone = b'{"batch":[%s]}' % b",".join(messages), messages[1].replace(b'"b"', b'"e"')
    # where something personal is to be taken out beside it, nobody can: it is refused
    personal = alone.replace(b'"v"', b'"email":"a@b.example","v"')
    paths = {"/v1/b": batch, "/v1/t": alone, "/v1/track": personal}
    answers = exchange(tmp_path, *({"path": path, "content": body} for path, body in paths.items()))
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert landed(tmp_path, "event_id, properties ->> 'v'") == [("a", None), ("b", "1e400"), ("e", "1e400")]


def test_a_body_beyond_the_limit_is_refused_while_it_arrives(tmp_path: Path) -> None:
    (answer,) = exchange(tmp_path, {"path": "/v1/batch", "content": b"[" * 5000}, max_body_bytes=4096)
    assert answer.status_code == 413


def test_a_key_sends_to_its_own_app_alone(tmp_path: Path) -> None:
    _, shop = Keys(tmp_path).create("write", "shop")
    Keys(tmp_path).create("write", "blog")
    _, read = Keys(tmp_path).create("read", "blog")
    message = {"type": "track", "event": "x", "app": "blog", "messageId": "m", "context": {"app": {"name": "blog"}}}
    answers = exchange(
        tmp_path,
        {"path": "/v1/t", "json": message, "headers": basic(shop)},
        {"path": "/v1/t", "json": message, "headers": basic(read)},
        {"path": "/v1/t", "json": message, "headers": basic("")},
        {"path": "/v1/t", "json": message, "headers": {"Authorization": "Basic \xe4".encode("latin-1")}},
        {"path": "/v1/t", "json": message},
    )
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 401]
    assert landed(tmp_path, "app") == [("shop",)]


def test_keys_are_kept_as_digests_and_end_when_revoked(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    key, secret = keys.create("write", "shop")
    keys.create("write", "blog")
    assert secret not in (tmp_path / "keys.json").read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    keys.revoke(key.id)
    (answer,) = exchange(tmp_path, {"path": "/v1/t", "json": {"type": "track"}, "headers": basic(secret)})
    assert answer.status_code == 401


PATHS_OUT = ["/../../etc/passwd", "/v1/%2e%2e/%2e%2e/keys.json", "/received", "/keys.json"]


@pytest.mark.parametrize("path", PATHS_OUT)
def test_no_path_leads_to_a_file(path: str, tmp_path: Path) -> None:
    answers = exchange(tmp_path, {"method": "GET", "path": path}, {"method": "PUT", "path": "/v1/t", "content": b"{}"})
    assert [answer.status_code for answer in answers] == [404, 405]


def test_another_host_is_refused(tmp_path: Path) -> None:
    (answer,) = exchange(tmp_path, {"method": "GET", "path": "/stats", "headers": {"Host": "evil.example"}})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/v1/t", "/v1/t/"])
def test_browsers_may_send_with_credentials_also_where_they_are_refused(path: str, tmp_path: Path) -> None:
    Keys(tmp_path).create("write", "shop")
    origin = {"Origin": "https://a.example"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, x-own"}
    answers = exchange(
        tmp_path,
        {"method": "OPTIONS", "path": path, "headers": origin | asked},
        {"path": path, "json": {}, "headers": origin},
        {"path": path, "content": b"{", "headers": origin},
    )
    assert [answer.status_code for answer in answers] == [200, 401, 400]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.headers["Vary"]
    assert "authorization" in answers[0].headers["Access-Control-Allow-Headers"].lower()


def test_a_body_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    async def begun() -> AsyncIterator[bytes]:
        yield b'{"batch":['
        await asyncio.Event().wait()

    whole = {"path": "/v1/batch", "json": {"batch": []}}
    answers = exchange(tmp_path, {"path": "/v1/batch", "content": begun()}, whole, body_timeout_seconds=0.2)
    assert [answer.status_code for answer in answers] == [408, 200]


def test_a_slow_sender_holds_nobody_up(server: Server, write_keys: dict[str, str]) -> None:
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.sendall(b"POST /v1/t HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{")
    began = time.monotonic()
    for _ in range(20):
        answer = server.post("/v1/t", json={"type": "track", "event": "x"}, headers=basic(write_keys["shop"]))
        assert answer.status_code == 200
    assert time.monotonic() - began < 20
    slow.close()


@pytest.mark.parametrize("path", ["/stats", "/metrics"])
def test_from_elsewhere_an_admin_alone_sees_what_every_app_sends(path: str, tmp_path: Path) -> None:
    open_to_all = {"method": "GET", "path": path}
    assert [answer.status_code for answer in exchange(tmp_path, open_to_all)] == [200], "there is no key to ask for"
    _, write = Keys(tmp_path).create("write", "shop")
    _, admin = Keys(tmp_path).create("admin", "*")
    headers = [{}, basic(write), {"Authorization": f"Bearer {write}"}, {"Authorization": "Basic ?"}, basic(admin)]
    headers.append({"Authorization": f"Bearer {admin}"})
    answers = exchange(tmp_path, *(open_to_all | {"headers": each} for each in headers))
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 200, 200]
    assert "shop" not in answers[0].text


def test_names_of_events_are_text_wherever_they_are_shown(tmp_path: Path) -> None:
    name = '"><script>alert(1)</script>\u001b[31m{{7*7}}=cmd()'
    exchange(tmp_path, {"path": "/v1/t", "json": {"type": "track", "event": name, "messageId": "m"}})
    assert landed(tmp_path, "event_name") == [(name,)]
    answers = exchange(tmp_path, {"method": "GET", "path": "/stats"}, {"method": "GET", "path": "/metrics"})
    assert all("<script>" not in answer.text for answer in answers)
    told: dict[str, Any] = json.loads(answers[0].text)
    assert told["queue"] == {"requests": 0, "bytes": 0}
