"""Every route answers, as the description says, from one publication; and of one app it tells nothing of another."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import httpx
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.collector.keys import Keys
from serving import reader
from serving.api.answers import ARROW, CSV, PARQUET, media_of
from serving.api.problems import MEDIA_TYPE, Problem
from serving.api.routes import published
from serving.ask import ask
from serving.publications import read_catalog
from serving.snapshots import Snapshots
from tests.serving.api.conftest import Server, server_of
from tests.serving.api.homes import two_apps
from tests.serving.report.homes import FIRST

QUESTIONS: list[dict[str, Any]] = [
    {"kind": "active_users", "window_days": 7},
    {"kind": "funnel", "steps": [{"event_name": "open"}, {"event_name": "signup"}]},
    {"kind": "retention", "period": "week"},
    {"kind": "lifecycle", "period": "week"},
    {"kind": "stickiness", "period": "week"},
    {"kind": "trends", "series": {"A": {"event_name": "open", "measure": "uniques"}}, "interval": "week"},
    {"kind": "paths", "item": "event_name"},
    {"kind": "sessions", "summary": "day"},
    {"kind": "conversions", "event": {"event_name": "signup"}, "interval": "week"},
    {"kind": "attribution", "event": {"event_name": "signup"}},
    {"kind": "conversion_paths", "event": {"event_name": "signup"}},
    {"kind": "web_overview"},
]
NAMES = {
    "{name}": "mau", "{content_id}": "content_id-{app}", "{user_id}": "user-{app}", "{creator_id}": "creator_id-{app}",
    "{test_id}": "experiment-{app}", "{run_id}": "none",
}  # fmt: skip
# what only changes or tells of the server itself
NOT_READ = ("/etl/", "/privacy/", "/config", "/process-events", "/variant")


def paths(server: Server, app: str = "shop") -> list[str]:
    """The GET routes that read, with names of an app in them."""
    found = []
    for path, methods in server.get("/openapi.json").json()["paths"].items():
        if "get" in methods and not any(part in path for part in NOT_READ):
            for part, name in NAMES.items():
                path = path.replace(part, name.replace("{app}", app))
            found.append(f"{path}?metric_type=mau" if path.endswith("/aggregated") else path)
    return found


def test_every_route_answers_and_has_an_example_that_is_as_described(open_server: Server) -> None:
    for path in paths(open_server):
        answer = open_server.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.json() not in ([], {}), path
    for path, methods in open_server.get("/openapi.json").json()["paths"].items():
        for method, told in methods.items():
            content = next(told["responses"][str(each)] for each in (200, 202) if str(each) in told["responses"])
            told_json = content["content"]["application/json"]
            jsonschema.validate(told_json["example"], told_json["schema"])
            if "requestBody" in told:
                body = told["requestBody"]["content"]["application/json"]
                assert "example" in body or "examples" in body["schema"] or "example" in str(body), (method, path)


def test_what_is_read_says_of_which_publication_and_is_not_sent_twice(open_server: Server) -> None:
    for path in paths(open_server):
        if path.endswith(("/health", "/schema")):
            continue
        answer = open_server.get(path)
        assert answer.headers["footfall-publication"] == FIRST
        assert answer.headers["footfall-as-of"] == "2025-06-15T20:00:00"
        assert answer.headers["etag"].startswith(f'"{FIRST}-')
        again = open_server.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = open_server.get(path, headers={"If-None-Match": answer.headers["etag"].replace(FIRST, "x")})
        assert other.content == answer.content


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["kind"])
@pytest.mark.parametrize("app", [None, "shop"])
def test_a_question_is_answered_as_ask_answers_it(
    question: dict[str, Any], app: str | None, kept_server: Server
) -> None:
    asked = question if app is None else {**question, "app": app}
    home = kept_server.shared.home
    connection = reader.connect(home)
    settings = read_catalog(home / "published" / "current")["inputs"]["settings"]
    wanted = json.loads(ask(connection, asked, settings).as_json())
    # the admin names the app, or none; the key of the app is of it, whether it says so or not
    senders = [("admin", asked)] if app is None else [("admin", asked), ("shop", asked), ("shop", question)]
    for key, sent in senders:
        answer = kept_server.ask(sent, key)
        assert answer.status_code == 200, answer.text
        got = answer.json()
        assert got.pop("publication") == FIRST
        assert got == wanted


def everything(server: Server) -> Iterator[httpx.Response]:
    """Whatever a reader may ask of an app, and of what is not its own."""
    for app in ("shop", "blog"):
        for path in paths(server, app):
            yield server.get(path, "shop")
            for asked in ("blog", "nobody"):
                yield server.get(f"{path}{'&' if '?' in path else '?'}app={asked}", "shop")
    for question in QUESTIONS:
        yield server.ask(question, "shop")
        yield server.ask({**question, "where": {"blog_plan": "pro"}}, "shop")
        yield server.ask({**question, "where": {"app": ["shop", "blog"]}}, "shop")
        yield server.ask({**question, "where": {"event_name": "blog_boght"}}, "shop", params={"allow_unknown": True})
    for name in ("blog_bought", "blog_boght", "bloog", "blo"):
        yield server.ask({"kind": "trends", "series": {"A": {"event_name": name, "measure": "count"}}}, "shop")
        yield server.ask({"kind": "active_users", "where": {name: "pro"}}, "shop")
        yield server.get(f"/api/v1/analytics/metrics/mau?segment_value={name}", "shop")


def test_the_key_of_an_app_is_told_the_same_whether_there_is_another_app_or_not(
    kept_server: Server, alone_server: Server
) -> None:
    statuses = set()
    for kept, alone in zip(everything(kept_server), everything(alone_server), strict=True):
        statuses.add(kept.status_code)
        assert (kept.status_code, kept.headers) == (alone.status_code, alone.headers), kept.request.url
        assert kept.content == alone.content, (kept.request.url, kept.request.content)
    assert statuses == {200, 403, 404, 422}


def test_a_metric_of_an_app_is_that_of_its_segment(open_server: Server) -> None:
    def values(query: str) -> set[tuple[str, float]]:
        items = open_server.get(f"/api/v1/analytics/metrics/mau?period=day{query}").json()["items"]
        return {(item["segment_value"], item["metric_value"]) for item in items}

    assert values("") == {("all", 77_780)}
    assert values("&segment=app") == {("shop", 3), ("blog", 77_777)}
    assert values("&app=shop") == values("&segment=app&segment_value=shop") == {("shop", 3)}


def test_what_cannot_be_split_by_app_is_refused_in_words(kept_server: Server) -> None:
    snapshots = kept_server.shared.snapshots
    with snapshots.read() as whole, pytest.raises(Problem, match="not published by app") as refused:
        published(whole.of("shop"), "fct_conversions")
    assert (refused.value.status, published(whole, "fct_conversions")) == (403, "fct_conversions")


@pytest.mark.parametrize("more", [{"breakdown": "person.plan"}, {"where": {"person.cohort": "busy"}}])
def test_what_profiles_and_cohorts_say_is_of_all_apps_and_refused_in_words(
    more: dict[str, Any], kept_server: Server
) -> None:
    refused = kept_server.ask({"kind": "active_users", **more}, "shop")
    assert (refused.status_code, "this key sees one alone" in refused.text) == (422, True)


def test_keys_of_persons_and_sessions_are_listed_to_who_may_ask_for_them(kept_server: Server) -> None:
    told = [kept_server.get("/api/v1/analytics/names", key).json()["keys"] for key in ("admin", "shop")]
    assert ("person.cohort" in told[0], told[1]) == (True, [])


def test_when_events_begin_and_end_is_read_once_of_what_a_reader_sees(tmp_path: Path) -> None:
    snapshots = Snapshots(two_apps(tmp_path / "home"))
    question = {"kind": "active_users", "interval": "total"}
    with snapshots.read() as whole:
        room = whole.of("shop")
        of_all, of_shop = whole.source.ask(question), room.source.ask(question)
        assert (whole.source.ranges.keys(), room.source.ranges.keys()) == ({None}, {"shop"})
        assert (whole.source.ask(question), room.source.ask(question)) == (of_all, of_shop)
        assert of_shop == whole.source.ask({**question, "app": "shop"})
        whole.source.ask({**question, "app": "none"}, allow_unknown=True)
        assert whole.source.ranges.keys() == {None, "shop"}
    snapshots.close()


def test_half_a_character_is_no_text(open_server: Server) -> None:
    half = b'{"kind": "active_users", "app": "\\ud800"}'
    answer = open_server.request("POST", "/api/v1/analytics/questions", content=half)
    assert (answer.status_code, "half a character" in answer.text) == (422, True)


def test_no_key_a_wrong_one_and_one_of_another_kind_read_nothing(kept_server: Server) -> None:
    for path in paths(kept_server):
        if path.endswith("/health"):
            assert kept_server.get(path).status_code == 200
            continue
        for headers in ({}, {"Authorization": "Bearer no"}, {"Cookie": "footfall_key=no"}):
            answer = kept_server.get(path, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (401, MEDIA_TYPE)
        assert kept_server.get(path, "write").status_code == 403
    for path in ("/api/v1/analytics/config", "/api/v1/analytics/etl/runs/x", "/api/v1/analytics/process-events"):
        assert kept_server.get(path, "shop").status_code == 403
    assert kept_server.request("POST", "/api/v1/analytics/etl/run", "shop").status_code == 403
    for path in ("/api/v1/analytics/privacy/exports", "/api/v1/analytics/privacy/erasures"):
        for key, status in (("shop", 403), ("write", 403), (None, 401), ("admin", 422)):
            assert kept_server.request("POST", path, key, json={}).status_code == status
        assert kept_server.get(f"{path}/x", "shop").status_code in (403, 404)


def test_a_cached_answer_is_for_those_alone_who_may_have_it(kept_server: Server) -> None:
    path = "/v1/analytics/stats"
    whole = kept_server.get(path, "admin")
    assert whole.json()["events"] == 80
    for _ in range(2):
        assert kept_server.get(path, "shop").json()["events"] == 40
        assert kept_server.get(path).status_code == 401
        taken = kept_server.get(path, "shop", headers={"If-None-Match": whole.headers["etag"]})
        assert taken.status_code == 200
    key, secret = Keys(kept_server.shared.home).create("read", "blog")
    bearer = {"Authorization": f"Bearer {secret}"}
    assert kept_server.get(path, headers=bearer).json()["apps"][0]["app"] == "blog"
    Keys(kept_server.shared.home).revoke(key.id)
    assert kept_server.get(path, headers=bearer).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/analytics/metrics/mau?limit=2", "questions"])
def test_rows_come_in_every_form(path: str, open_server: Server) -> None:
    def get(accept: str) -> httpx.Response:
        if path == "questions":
            return open_server.ask(QUESTIONS[0], headers={"Accept": accept})
        return open_server.get(path, headers={"Accept": accept})

    told = get("application/json").json()
    rows = told["rows"] if "rows" in told else [list(item.values()) for item in told["items"]]
    columns = told["columns"] if "columns" in told else list(told["items"][0])
    assert get(CSV).text.splitlines()[0].split(",") == columns
    assert len(get(CSV).text.splitlines()) == len(rows) + 1
    for table in (pq.read_table(io.BytesIO(get(PARQUET).content)), pa.ipc.open_stream(get(ARROW).content).read_all()):
        assert table.column_names == columns
        plain = [
            [value.isoformat() if hasattr(value, "isoformat") else value for value in row]
            for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
        ]
        assert plain == rows
        assert str(table.schema.field("period_start").type) == "date32[day]"
    assert get("image/png").status_code == 406


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"), ("*/*", "application/json"), ("text/html,*/*;q=0.8", "application/json"),
        ("text/csv;q=0.5, application/vnd.apache.parquet", PARQUET), ("text/*", CSV), ("TEXT/CSV", CSV),
        ("image/png, text/csv;q=0.1", CSV), ("text/csv;q=0, */*", "application/json"),
    ],
)  # fmt: skip
def test_the_form_is_the_one_that_is_wanted_most(accept: str | None, media: str) -> None:
    assert media_of(accept) == media
    with pytest.raises(Problem):
        media_of("image/png")


def test_money_is_in_major_units_of_its_currency_and_a_period_that_is_not_published_is_told(tmp_path: Path) -> None:
    home = two_apps(tmp_path / "home")
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb")) as marts:
        marts.execute("delete from metric_mau where period <> 'day'")
    catalog = home / "published" / "current" / "catalog.json"
    told = json.loads(catalog.read_text())
    told["inputs"]["settings"]["reporting_currency"] = "JPY"
    catalog.write_text(json.dumps(told))
    server = server_of(home)
    shown = server.get("/api/v1/analytics/metrics/dashboard").json()
    weekly = server.get("/api/v1/analytics/metrics/aggregated?metric_type=mau&period=weekly")
    server.shared.snapshots.close()
    assert (shown["revenue_today"], shown["currency"]) == (77_780, "JPY")
    assert (weekly.status_code, weekly.json()["errors"][0]["mend"]) == (404, "It is by: daily.")


def test_lists_are_paged_to_their_end(open_server: Server) -> None:
    path, pages = "/api/v1/analytics/names?limit=2", 0
    seen = []
    while path:
        answer = open_server.get(path)
        seen += [(item["app"], item["event_name"]) for item in answer.json()["items"]]
        assert ("link" in answer.headers) == (answer.json()["next"] is not None)
        path, pages = answer.json()["next"], pages + 1
    assert (pages, len(seen), len(set(seen))) == (4, 8, 8)


def test_a_list_of_another_length_by_default_is_paged_to_its_end_too(tmp_path: Path) -> None:
    home = two_apps(tmp_path / "home")
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb")) as marts:
        marts.execute("delete from fct_content_readers where app = 'blog'")
        more = "select readers.* replace ('u' || number as person_id) from fct_content_readers as readers, range(24)"
        marts.execute(f"insert into fct_content_readers {more} as numbers (number)")
    server, seen = server_of(home), list[list[str]]()
    path = "/analytics/users/most-engaged"
    while path:
        answer = server.get(path)
        seen.append([item["person_id"] for item in answer.json()["items"]])
        path = answer.json()["next"]
        assert answer.headers.get("link") == (f'<{path}>; rel="next"' if path else None)
    server.shared.snapshots.close()
    assert [len(page) for page in seen] == [10, 10, 5]
    assert len({person_id for page in seen for person_id in page}) == 25


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "field", "mend"),
    [
        ("GET", "/api/v1/analytics/metrics?limt=3", {}, 422, "limt", "Did you mean `limit`"),
        ("GET", "/api/v1/analytics/metrics?limit=many", {}, 422, "limit", ""),
        ("GET", "/api/v1/analytics/metrics/mua", {}, 404, "name", "Did you mean `mau`"),
        ("GET", "/api/v1/analytics/metrics/mau?period=week&segment=color", {}, 404, "segment", "It is by: "),
        ("GET", "/api/v1/analytics/metrics/mau?app=shp", {}, 404, "app", "blog, shop"),
        ("GET", "/nowhere", {}, 404, None, "openapi.json"),
        ("DELETE", "/api/v1/analytics/metrics", {}, 405, None, "openapi.json"),
        ("POST", "/api/v1/analytics/questions", {"content": b"{"}, 400, None, "JSON object"),
        ("POST", "/api/v1/analytics/questions", {"json": {"kind": "funel"}}, 422, None, "funnel"),
        ("POST", "/api/v1/analytics/questions", {"json": {"kind": "lifecycle", "app": "shp"}}, 404, "app", "shop"),
        ("POST", "/api/v1/analytics/questions", {"content": b" " * 2**21}, 413, None, ""),
        ("POST", "/api/v1/analytics/funnel", {"json": {"steps": ["open"]}}, 422, "steps", ""),
        ("POST", "/api/v1/analytics/etl/run", {}, 503, None, "footfall serve"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_field_fault_and_mend(
    method: str, path: str, options: Any, status: int, field: str | None, mend: str, open_server: Server
) -> None:
    answer = open_server.request(method, path, **options)
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    told = answer.json()
    assert told["status"] == status and told["detail"] and told["title"]
    assert told["errors"][0]["field"] == field
    assert mend in told["errors"][0]["mend"]


def test_nothing_published_is_said_and_mended_by_publishing(tmp_path: Any) -> None:
    server = server_of(tmp_path / "home")
    for path in ("/v1/analytics/stats", "/api/v1/analytics/health", "/api/v1/analytics/metrics"):
        answer = server.get(path)
        assert (answer.status_code, "footfall build" in answer.text) == (503, True)
        assert answer.headers["retry-after"]
    two_apps(tmp_path / "home")
    assert server.get("/v1/analytics/stats").json()["events"] == 80


HOSTILE = (
    "'; drop table events; --",
    "\"' or 1=1 --",
    "{relation}",
    "$app",
    "\x00",
    "ü%F0%9F%98%80",
    "../../etc/passwd",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_request_is_sql(text: str, open_server: Server) -> None:
    for path in (
        "/api/v1/analytics/metrics/mau", "/v1/analytics/kpis", "/analytics/content/x/performance", "/analytics/nps",
    ):  # fmt: skip
        answer = open_server.get(path, params={"app": text})
        assert answer.status_code == 404, answer.text
    for path in ("/api/v1/analytics/metrics/{}", "/dashboard/writer/{}", "/analytics/user/{}/engagement"):
        answer = open_server.get(path.format(quote(text, safe="")))
        assert answer.status_code == 404, answer.text
    answer = open_server.get("/api/v1/analytics/metrics/mau", params={"segment_value": text})
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    for question in (
        {"kind": "active_users", "app": text}, {"kind": "active_users", "where": {text: text}},
        {"kind": "active_users", "event": {"event_name": text}}, {"kind": "active_users", "breakdown": text},
    ):  # fmt: skip
        answer = open_server.ask(question)
        assert answer.status_code in (404, 422), answer.text
    with pytest.raises(duckdb.Error):
        reader.connect(open_server.shared.home).execute("drop table marts.events")
