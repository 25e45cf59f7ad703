"""Pages show the rows that are published, by the filters in their address, to whoever may see them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.collector.keys import Keys
from serving.figures import open_source
from tests.ingest.collector.browser import needs_chromium
from tests.serving.pages.server import serving
from tests.serving.report.browser import WIDTHS, browser, faults_for_readers, shown
from tests.serving.report.homes import clocks, publish_rows
from tests.serving.report.test_report import HOSTILE, MONTHS, hostile_rows

DASHBOARDS = (
    *("overview", "web", "retention", "funnels", "revenue", "acquisition"),
    *("experiments", "feedback", "creators", "charging", "paths", "data_health"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_rows(tmp_path_factory.mktemp("pages") / "home", hostile_rows())


@pytest.fixture(scope="module")
def origin(home: Path) -> Iterator[str]:
    with serving(home) as found:
        yield found


@pytest.fixture(scope="module")
def client(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=origin) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_has_all_its_figures_and_names_nothing_outside(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/dashboards/{name}")
    assert answer.status_code == 200
    assert "data-figure=" in answer.text and "kind-failed" not in answer.text
    assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy


def test_what_is_unchanged_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/dashboards/overview")
    again = client.get("/dashboards/overview", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/dashboards/overview?range=30d", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_scripts_are_named_by_what_is_in_them_and_kept_for_good(client: httpx.Client) -> None:
    page = client.get("/").text
    found = [part.split('"')[0] for part in page.split('src="')[1:]] + [
        page.split('stylesheet" href="')[1].split('"')[0]
    ]
    assert len(found) == 4
    for address in found:
        answer = client.get(address)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    ours = [client.get(address).content for address in found if "vega" not in address]
    assert sum(map(len, ours)) < 200_000
    assert client.get("/assets/pages.000000000000.js").status_code == 404


def test_a_figures_rows_are_those_of_its_mart(home: Path, client: httpx.Client) -> None:
    rows = list(csv.reader(io.StringIO(client.get("/figures/growth_accounting.csv").text)))
    assert [row[0] for row in rows[1:]] == list(MONTHS)
    told = client.get("/figures/active_persons.json").json()
    mart = open_source(home).connection.execute(
        "select metric_value from metric_active_persons where segment = 'all' order by period_start"
    )
    place = told["columns"].index("active_persons")
    assert [row[place] for row in told["rows"]] == [row[0] for row in mart.fetchall()]


def test_a_metric_is_explained(client: httpx.Client) -> None:
    page = client.get("/metrics/mrr").text
    assert "Monthly recurring revenue" in page and "Finance" in page and "cents" in page and "data-figure=" in page
    assert "/metrics/mrr" in client.get("/definitions").text
    assert client.get("/metrics/mrx").status_code == 400 and "did you mean mrr" in client.get("/metrics/mrx").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("app=nobody", "No event is of the app"),
        ("from=yesterday", "which is no day"),
        ("range=9y", "The range is"),
        ("segment=shoe=43", "The segment is"),
        ("from=2025-06-01&to=2025-05-01", "before it begins"),
    ],
)
def test_what_is_asked_wrongly_is_told(client: httpx.Client, query: str, said: str) -> None:
    answer = client.get(f"/dashboards/overview?{query}")
    assert answer.status_code == 400 and said in answer.text


def test_a_home_in_which_nothing_is_published_says_so(tmp_path: Path) -> None:
    with serving(tmp_path) as origin:
        answer = httpx.get(origin)
    assert answer.status_code == 503 and "<code>footfall build</code>" in answer.text


def test_a_read_key_sees_its_app_alone(tmp_path: Path) -> None:
    rows = hostile_rows()
    home = publish_rows(tmp_path / "home", {**rows, "int_data_clocks": clocks(HOSTILE, "shop")})
    _, secret = Keys(home).create("read", "shop")
    with serving(home) as origin, httpx.Client(base_url=origin) as client:
        asked = client.get("/dashboards/overview?range=all")
        assert asked.status_code == 401 and "data-figure" not in asked.text and 'action="/key"' in asked.text
        assert client.post("/key", data={"key": "ff_read_nothing"}).status_code == 401
        given = client.post("/key", data={"key": secret, "back": "/dashboards/overview?range=all"})
        assert (given.status_code, given.headers["location"]) == (303, "/dashboards/overview?range=all")
        assert (
            "httponly" in given.headers["set-cookie"].lower()
            and "samesite=strict" in given.headers["set-cookie"].lower()
        )
        assert client.post("/key", data={"key": secret, "back": "//evil.example"}).headers["location"] == "/"
        for name in DASHBOARDS:
            page = client.get(f"/dashboards/{name}").text
            assert "alert(1)" not in page and "kind-failed" not in page, name
        assert client.get("/", params={"app": HOSTILE}).status_code == 403


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_fits_every_width_in_both_themes(chromium: Any, origin: str, theme: str) -> None:
    for name in DASHBOARDS:
        with shown(chromium, f"{origin}/dashboards/{name}", theme=theme, bypass_csp=True) as page:
            for width in WIDTHS:
                page.page.set_viewport_size({"width": width, "height": 900})
                page.page.wait_for_timeout(50)
                assert page.overflow() == [], (name, width)
            assert faults_for_readers(page.page) == [], name
            assert (page.said, page.asked) == ([], []), name
