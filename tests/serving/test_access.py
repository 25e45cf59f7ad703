"""Who may read what: each way of bringing a key, each kind of key, and what a page of another site may not do."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ingest.collector.keys import Keys
from serving.access import COOKIE, Access, AccessError, Reader, forget, remember

HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


def asked(headers: Mapping[str, str] | None = None, client: str = HERE, method: str = "GET", **scope: Any) -> Any:
    told = {"host": "footfall.test", **(headers or {})}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
    base = {"type": "http", "method": method, "path": "/", "query_string": b"", "scheme": "http"}
    return HTTPConnection({**base, "headers": raw, "client": (client, 1), "server": ("footfall.test", 80), **scope})


def status_of(access: Access, request: HTTPConnection) -> int:
    with pytest.raises(AccessError) as refused:
        access.reader(request)
    return refused.value.status


def test_without_keys_this_machine_alone_reads(tmp_path: Path) -> None:
    access = Access(tmp_path)
    assert access.reader(asked()) == Reader(None, is_admin=True)
    assert status_of(access, asked(client=ELSEWHERE)) == 401
    assert status_of(access, asked(client="")) == 401


@pytest.mark.parametrize("way", ["bearer", "basic", "cookie"])
def test_a_key_is_brought_in_three_ways(tmp_path: Path, way: str) -> None:
    _, secret = Keys(tmp_path).create("read", "shop")
    headers = {
        "bearer": {"authorization": f"Bearer {secret}"},
        "basic": {"authorization": "Basic " + base64.b64encode(f"{secret}:".encode()).decode()},
        "cookie": {"cookie": f"{COOKIE}={secret}"},
    }[way]
    assert Access(tmp_path).reader(asked(headers, ELSEWHERE)) == Reader("shop", is_admin=False)


def test_with_keys_each_kind_may_what_it_is_for(tmp_path: Path) -> None:
    keys, access = Keys(tmp_path), Access(tmp_path)
    _, write = keys.create("write", "shop")
    read_key, read = keys.create("read", "shop")
    _, admin = keys.create("admin", "*")
    assert status_of(access, asked()) == 401
    for wrong in ("", "x", "ff_read_", "é\udcff".encode("utf-8", "replace").decode()):
        assert status_of(access, asked({"authorization": f"Bearer {wrong}"})) == 401
    for wrong in ("!", "é", "/w=="):
        assert status_of(access, asked({"authorization": f"Basic {wrong}"})) == 401
    assert status_of(access, asked({"authorization": f"Bearer {write}"})) == 403
    assert access.reader(asked({"authorization": f"Bearer {admin}"})) == Reader(None, is_admin=True)
    reader = access.reader(asked({"authorization": f"Bearer {read}"}))
    with pytest.raises(AccessError, match="admin key"):
        reader.must_be_admin()
    keys.revoke(read_key.id)
    assert status_of(access, asked({"authorization": f"Bearer {read}"})) == 401


def test_a_read_key_is_of_one_app_and_says_the_same_of_every_other() -> None:
    reader = Reader("shop", is_admin=False)
    assert reader.app_of(None) == reader.app_of("shop") == "shop"
    said = set()
    for other in ("blog", "is there none", ""):
        with pytest.raises(AccessError) as refused:
            reader.app_of(other)
        said.add((refused.value.status, str(refused.value)))
    assert len(said) == 1
    assert Reader().app_of(None) is None
    assert Reader().app_of("blog") == "blog"


def test_a_page_of_another_site_changes_nothing_and_hears_nothing(tmp_path: Path) -> None:
    access = Access(tmp_path)
    ours, theirs = {"origin": "http://footfall.test"}, {"origin": "https://evil.test"}
    assert access.reader(asked(ours, method="POST"))
    assert access.reader(asked(theirs))  # no answer of ours lets it read what it gets
    for method in ("POST", "DELETE"):
        assert status_of(access, asked(theirs, method=method)) == 403
        assert status_of(access, asked({"origin": "null"}, method=method)) == 403
    assert status_of(access, asked(theirs, type="websocket")) == 403


def test_the_browser_keeps_a_key_that_no_script_reads() -> None:
    response = Response()
    remember(response, "secret", asked(scheme="https"))
    kept = response.headers["set-cookie"]
    assert kept.startswith(f"{COOKIE}=secret;")
    assert all(word in kept for word in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"))
    forget(response)
    assert "Max-Age=0" in response.headers.getlist("set-cookie")[1]
