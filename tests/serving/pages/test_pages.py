"""Pages show the rows that are published, by the filters in their address, to whoever may see them."""

from __future__ import annotations

import csv
import html
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from ingest.collector.keys import Keys
from ingest.landing.batches import BatchReceipt, Source, commit, ensure_landing
from serving.dashboards import read_library
from serving.drawing import flow
from serving.drawing.html import environment, view
from serving.figures import Figure, Filters, fill, open_source
from serving.figures.fill import parameters
from tests.ingest.collector.browser import needs_chromium
from tests.ingest.collector.conftest import serving as receiving
from tests.serving.pages.explore.homes import events, publish_events
from tests.serving.pages.server import serving
from tests.serving.report.browser import WIDTHS, browser, faults_for_readers, shown
from tests.serving.report.homes import REPOSITORY, clocks, metric, publish_rows
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


@pytest.mark.parametrize("path", ["/dashboards/overview?range=90d", "/figures/growth_accounting.html?range=year"])
def test_a_failure_that_has_passed_is_not_taken_for_unchanged(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError("too many open files")

    with monkeypatch.context() as broken:
        broken.setattr("serving.pages.figures.fill", fail)
        failed = client.get(path)
    assert "kind-failed" in failed.text
    passed = client.get(path, headers={"If-None-Match": failed.headers["etag"]})
    assert passed.status_code == 200 and "kind-failed" not in passed.text
    assert client.get(path, headers={"If-None-Match": passed.headers["etag"]}).status_code == 304


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


def rows_in(page: str) -> list[list[str]]:
    """The rows of a figure's table as they stand in its page, with nothing of them rounded."""
    table = re.search(r'<table class="data.*?</table>', page, re.DOTALL)
    assert table
    cell = re.compile(r'<td(?: class="[^"]*")?(?: data-value="([^"]*)")?>(.*?)</td>', re.DOTALL)
    return [
        [html.unescape(re.sub(r"<[^>]*>", "", text) if raw is None else raw) for raw, text in found]
        for row in re.findall(r"<tr>(.*?)</tr>", table[0], re.DOTALL)
        if (found := [match.groups() for match in cell.finditer(row)])
    ]


def test_every_figure_shows_the_rows_of_its_mart(home: Path, client: httpx.Client) -> None:
    source, library = open_source(home), read_library(REPOSITORY)
    shown = 0
    for figure in library.figures.values():
        address = f"/figures/{figure.name}"
        told = client.get(f"{address}.json", params={"creator": HOSTILE}).json()
        page = client.get(f"{address}.html", params={"creator": HOSTILE}).text
        table = list(csv.reader(io.StringIO(client.get(f"{address}.csv", params={"creator": HOSTILE}).text)))
        if told["empty"]:
            continue
        assert rows_in(page) == table[1:], figure.name
        if figure.sql:
            named = parameters(replace(source.filters(), creator=HOSTILE), told["period"], source, figure.by)
            mart = source.connection.execute(figure.sql, {name: named[name] for name in figure.parameters}).fetchall()
            assert len(mart) == len(table) - 1 and [len(row) for row in mart] == [len(row) for row in table[1:]]
            for row, written in zip(mart, table[1:], strict=True):
                for value, text in zip(row, written, strict=True):
                    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
                    assert float(text) == float(value) if is_number else text == said(value), figure.name
            shown += 1
    assert shown > 40


def said(value: Any) -> str:
    """A value as a CSV has it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_a_metric_is_explained(client: httpx.Client) -> None:
    page = client.get("/metrics/mrr").text
    assert "Monthly recurring revenue" in page and "Finance" in page and "cents" in page and "data-figure=" in page
    assert "/metrics/mrr" in client.get("/definitions").text
    assert client.get("/metrics/mrx").status_code == 404 and "<code>mrr</code>?" in client.get("/metrics/mrx").text


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


@pytest.mark.parametrize("path", ["figures/mrx", "figures/mrx.csv", "dashboards/mrx", "metrics/mrx", "creators/mrx"])
def test_what_there_is_not_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/{path}")
    assert answer.status_code == 404 and "mrx" in answer.text


def test_a_home_in_which_nothing_is_published_says_so(tmp_path: Path) -> None:
    with serving(tmp_path) as origin:
        answer = httpx.get(origin)
    assert answer.status_code == 503 and "<code>footfall build</code>" in answer.text


def test_a_wrong_file_is_told_and_what_was_right_stays(tmp_path: Path) -> None:
    home = publish_rows(tmp_path / "home", {"int_data_clocks": clocks("shop")})
    mine = home / "dashboards" / "mine.yml"
    mine.parent.mkdir()
    mine.write_text("title: Mine\nabout: x\nowner: {name: Me}\nfigures: [headline]\n")
    with serving(home) as origin, httpx.Client(base_url=origin) as client:
        assert client.get("/dashboards/mine").status_code == 200
        mine.write_text("title: Mine\nabout: x\nowner: {name: Me}\nfigures: [headlin]\n")
        told = client.get("/dashboards/mine")
        assert told.status_code == 200 and "did you mean `headline`" in told.text
        # its folder is of this machine, and no business of a reader
        client.headers["Authorization"] = f"Bearer {Keys(home).create('read', 'shop')[1]}"
        assert "did you mean" not in client.get("/dashboards/mine").text
        mine.unlink()
        assert client.get("/dashboards/mine").status_code == 404


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


def test_the_period_before_stands_beside_the_period(client: httpx.Client) -> None:
    query = {"from": "2025-05-01", "to": "2025-06-15", "compare": "1"}
    text = client.get("/figures/growth_accounting.html", params=query).text
    assert "the period before" not in text  # by day nothing is published here
    query = {"from": "2024-05-01", "to": "2025-06-15", "compare": "1"}
    assert (
        "Nothing is known of the period before, 1\u00a0Mar\u00a02023"
        in client.get("/figures/active_persons.html", params=query).text
    )


def test_like_stands_beside_like(tmp_path: Path) -> None:
    values = {
        f"{year}-{month:02}-01": float(year % 100 * 100 + month) for year in (2023, 2024) for month in range(1, 13)
    }
    source = open_source(
        publish_rows(
            tmp_path / "home",
            {
                "int_data_clocks": clocks("shop", first="2023-01-01", last="2024-12-31"),
                "metric_revenue": metric(values),
                "metric_active_persons": metric(values),
                "fct_web_traffic": [
                    {"session_date": day, "app": "shop", "channel": channel, "sessions": sessions, "bounces": 0}
                    for day, channel, sessions in (
                        ("2023-06-01", "Email", 10), ("2024-06-01", "Email", 15), ("2024-06-01", "Direct", 5)
                    )
                ],
            },
        )
    )  # fmt: skip
    library = read_library(REPOSITORY)
    asked = Filters(date(2024, 1, 1), date(2024, 12, 31), compare=True)
    for name, unit in (("active_persons", ""), ("revenue_over_time", "$")):
        shown = view(fill(library.figures[name], source, asked), source)
        assert shown.spec and len(shown.spec["places"]) == 12
        for month, place in enumerate(shown.spec["places"], start=1):
            now, before = (float(row[1].strip("$").replace(",", "")) for row in place["rows"])
            assert (now, before) == (2400 + month, 2300 + month) if not unit else (24 + month / 100, 23 + month / 100)
    ranking = view(fill(library.figures["channels"], source, asked), source)
    assert [(row["label"], row["change"]) for row in ranking.body["rows"]] == [
        ("Email", "▲\u00a050.0\u00a0%"),
        ("Direct", "new"),
    ]
    apart = view(fill(library.figures["channels"], source, replace(asked, compare=False)), source)
    assert {row["change"] for row in apart.body["rows"]} == {None}


def test_nothing_is_called_new_that_may_have_been_there(tmp_path: Path) -> None:
    days = {"2024-05-15": ("Email", "Direct"), "2024-06-01": ("Email", "Direct", "Search")}
    traffic = [
        {"session_date": day, "app": "shop", "channel": channel, "sessions": 5 + place}
        for day, channels in days.items()
        for place, channel in enumerate(channels)
    ]
    rows = {"int_data_clocks": clocks("shop", first="2023-01-01", last="2024-06-30"), "fct_web_traffic": traffic}
    source = open_source(publish_rows(tmp_path / "home", rows))
    asked = Filters(date(2024, 6, 1), date(2024, 6, 30), compare=True)

    def changes(columns: str, draw: dict[str, Any], rest: str = "", filters: Filters = asked) -> list[Any]:
        sql = (
            f"select {columns}, sum(sessions) as sessions from fct_web_traffic "
            f"where session_date between $date_from and $date_to group by all order by all {rest}"
        )
        said = {"name": "own", "title": "Own", "sql": sql, "draw": draw, "definition": "x", "empty": "None of it yet."}
        filled = fill(Figure.model_validate(said), source, filters)
        shown = view(filled, source)
        found = shown.body["changes"] if draw["as"] == "table" else [row["change"] for row in shown.body["rows"]]
        # the period before is asked for, and spoken of, where something is told of it
        is_told = any(found)
        assert (filled.before is not None) == is_told == any("the period before" in note for note in shown.notes)
        return found

    ranking = {"as": "ranking", "label": "channel", "value": "sessions"}
    same = "→\u00a00.0\u00a0%"
    assert changes("channel", ranking) == [same, same, "new"]
    assert changes("channel", {"as": "table"}) == [same, same, "new"]
    # the third may have been there, behind those that were read
    assert changes("channel", ranking, "limit 3") == [same, same, "new"]
    assert changes("channel", {"as": "table"}, "limit 2") == [same, same]
    assert changes("channel", {"as": "table"}, "desc limit 2") == ["–", same]
    # no day is there in two periods, and columns side by side have no place for a change
    assert changes("channel, session_date", {"as": "table"}) == []
    assert changes("channel, 'x' as model", {**ranking, "across": "model"}) == [None, None, None]
    # before the data begin nothing is known
    begun = Filters(date(2023, 1, 1), date(2024, 6, 30), compare=True)
    assert changes("channel", ranking, filters=begun) == ["–", "–", "–"]


def test_a_list_that_is_cut_says_how_many_rows_there_are(home: Path) -> None:
    said = {"name": "many", "title": "Many", "definition": "x", "empty": "nothing at all"}
    sql = "select 'item ' || i as item, i as events from range(1001) as numbers(i) order by i desc"
    figure = Figure.model_validate({**said, "sql": sql, "draw": {"as": "ranking", "label": "item", "value": "events"}})
    source = open_source(home)
    shown: Any = environment().get_template("drawing/figure.html.jinja").module
    found = shown.figure(view(fill(figure, source, source.filters()), source), 6)
    assert "The first 1,000 of 1,001</button>" in found and "item 1<" in found and "item 0<" not in found


def test_paths_are_folded_before_they_are_read_as_they_would_be_drawn(tmp_path: Path) -> None:
    links = [
        (
            step,
            f"https://x.example/{source}",
            f"https://x.example/{target}" if target else None,
            1 + (source * target) % 17,
        )
        for step in (1, 2, 6)
        for source in range(10)
        for target in range(9)
    ]
    rows = [
        {
            "path": "pages",
            "session_date": "2025-06-01",
            "step": step,
            "source": source,
            "target": target,
            "sessions": many,
        }
        for step, source, target, many in links
    ]
    source = open_source(publish_rows(tmp_path / "home", {"int_data_clocks": clocks("shop"), "fct_paths": rows}))
    filled = fill(read_library(REPOSITORY).figures["paths"], source, source.filters())
    drawn = view(filled, source).body
    whole = flow.layout(
        [(step, a[8:], b[8:] if b else "(end of the visit)", float(many)) for step, a, b, many in links]
    )
    assert len(filled.rows) < len(links) and drawn == {**whole, "ribbons": drawn["ribbons"]}
    assert sorted(map(str, drawn["ribbons"])) == sorted(map(str, whole["ribbons"]))


def test_what_no_mart_is_split_by_is_read_from_the_events(tmp_path: Path) -> None:
    with serving(publish_events(tmp_path / "home")) as origin, httpx.Client(base_url=origin) as client:
        told = client.get("/figures/retention_triangle.json?app=shop&range=all").json()
        assert told["question"]["app"] == "shop" and told["scope"] == "app shop"
        first = told["rows"][0]
        persons = {row["person_id"] for row in events() if row["app"] == "shop"}
        assert sum(row[2] for row in told["rows"] if row[1] == 0) == len(persons) and first[3] == 1.0
        told = client.get("/figures/web_headline.json?app=shop&segment=country=FR&range=all").json()
        seen = [row for row in events() if row["app"] == "shop" and row["country"] == "FR"]
        values = {row[0]: row[1] for row in told["rows"]}
        assert values["visitors"] == len({row["person_id"] for row in seen})
        assert values["views"] == sum(row["is_page_view"] for row in seen)
        told = client.get("/figures/active_persons.json?app=shop&segment=country=FR&range=all").json()
        active: dict[str, set[str]] = {}
        for row in seen:
            active.setdefault(str(row["event_date"]), set()).add(row["person_id"])
        persons_by_day = {day: len(who) for day, who in active.items()}
        assert told["period"] == "day"
        assert {row[0]: row[1] for row in told["rows"] if row[1]} == persons_by_day
        told = client.get("/figures/growth_accounting.json?app=shop&segment=country=FR&range=all").json()
        came: Counter[str] = Counter()
        for day, status, users, _ in told["rows"]:
            came[day] += users if status != "dormant" else 0
        assert +came == persons_by_day
        # an event has no channel: nothing is made of that
        told = client.get("/figures/web_headline.json?app=shop&segment=channel=Email").json()
        assert "not by both" in told["empty"] and told["rows"] == []


@pytest.mark.parametrize(("count_bots", "visits"), [(False, [2]), (True, [3])])
def test_bots_are_no_visits_unless_they_are_counted(tmp_path: Path, count_bots: bool, visits: list[int]) -> None:
    named = ("country", "device_type", "os", "browser", "channel", "traffic_source", "entry_page", "exit_page")
    session = {"session_date": "2025-06-01", "app": "shop", "is_bounce": False, **dict.fromkeys(named, "x")}
    rows = [{**session, "is_bot": is_bot} for is_bot in (False, False, True)]
    home = publish_rows(
        tmp_path / "home", {"int_data_clocks": clocks("shop"), "fct_sessions": rows}, {"count_bots": count_bots}
    )
    source, library = open_source(home), read_library(REPOSITORY)
    for name in ("countries", "devices", "browsers", "systems", "channels", "sources", "entry_pages", "exit_pages"):
        filled = fill(library.figures[name], source, source.filters(segment="country=x"))
        assert [row[1] for row in filled.rows] == visits, name


def test_a_row_that_names_a_value_filters_by_it(client: httpx.Client) -> None:
    page = client.get("/dashboards/web").text
    link = f'href="/dashboards/web?{urlencode({"segment": f"country={HOSTILE}"})}"'
    assert link in page.replace("&amp;", "&")
    chosen = client.get("/dashboards/web", params={"segment": f"country={HOSTILE}", "app": "shop"})
    assert chosen.status_code == 200 and "<script>alert" not in chosen.text
    # taking a filter away leaves the others
    assert 'href="/dashboards/web?app=shop"' in chosen.text


def test_a_creator_has_a_page(client: httpx.Client) -> None:
    page = client.get(f"/creators/{quote(HOSTILE, safe='')}")
    assert page.status_code == 200 and page.text.count("data-figure=") == 8 and "<script>alert" not in page.text
    assert f"/creators/{quote(HOSTILE, safe='')}" in client.get("/dashboards/creators").text
    assert client.get("/creators/nobody").status_code == 404


def test_data_health_tells_what_landed_and_names_no_file(tmp_path: Path) -> None:
    home = publish_rows(tmp_path / "home", {"int_data_clocks": clocks("shop", "desk")})
    ensure_landing(home)
    for number, app in enumerate(("shop", "desk", "shop")):
        source = Source(name="/srv/anna/secret.ndjson", sha256="0", bytes=1, format="ndjson")
        receipt = BatchReceipt(
            batch_id=f"20260101T00000{number}_000000_abcdef", load_date=date(2026, 1, 1), path=None, source=source,
            app=app, received=10, accepted=6, duplicate=1, quarantined=3,
            quarantined_by_reason={"bad_json": 2, "missing_event_name": 1}, min_event_date=date(2025, 6, 1),
            max_event_date=date(2025, 6, 15), loaded_at=datetime(2026, 1, 1, tzinfo=UTC), footfall_version="1",
        )  # fmt: skip
        work = tmp_path / f"work{number}"
        work.mkdir()
        commit(home, receipt, work)
    with serving(home) as origin, httpx.Client(base_url=origin) as client:
        page = client.get("/dashboards/data_health").text
        assert "secret" not in page and "Bad json" in page and "Publications that are kept" in page
        rows = list(csv.reader(io.StringIO(client.get("/data-health/quarantine.csv").text)))
        assert [row[:2] for row in rows] == [["reason", "rows"], ["bad_json", "6"], ["missing_event_name", "3"]]
        rows = list(csv.reader(io.StringIO(client.get("/data-health/batches.csv?app=desk").text)))
        assert len(rows) == 2
        assert "What has landed" in client.get("/live").text
        _, secret = Keys(home).create("read", "desk")
        client.headers["Authorization"] = f"Bearer {secret}"
        rows = list(csv.reader(io.StringIO(client.get("/data-health/quarantine.csv").text)))
        assert [row[1] for row in rows[1:]] == ["2", "1"]


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


@needs_chromium
def test_a_publication_is_shown_without_losing_the_place(chromium: Any, tmp_path: Path) -> None:
    rows = {"int_data_clocks": clocks("shop"), "metric_active_persons": metric(MONTHS, open_from="2025-06")}
    home = publish_rows(tmp_path / "home", rows)
    with serving(home) as origin, shown(chromium, f"{origin}/dashboards/overview") as page:
        value = "[data-metric=active_persons] .value"
        assert page.page.text_content(value) == "60"
        page.page.locator("[data-figure=active_persons] summary", has_text="Data").click()
        page.page.focus("[data-figure=active_persons] .plot")
        page.page.evaluate("scrollTo({top: 300, behavior: 'instant'})")
        more = metric({**MONTHS, "2025-05-01": 75.0}, open_from="2025-06")
        publish_rows(home, {**rows, "metric_active_persons": more}, name="20260102T000000_000000_abcdef")
        page.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.page.wait_for_selector(f"{value}[data-value='75.0']")
        page.page.wait_for_selector("[data-figure=active_persons] .plot svg")
        assert page.page.evaluate("scrollY") == 300
        assert page.page.evaluate("document.activeElement.closest('[data-figure]').dataset.figure") == "active_persons"
        assert page.page.locator("[data-figure=active_persons] details.rows[open]").count() == 1
        assert (page.said, page.asked) == ([], [])


@needs_chromium
def test_a_page_is_used_by_the_keyboard_alone(chromium: Any, origin: str) -> None:
    with shown(chromium, f"{origin}/dashboards/web?range=all") as page:
        tab = page.page
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        # an app is chosen: the page follows, and its address says so
        tab.focus("select[name=app]")
        with tab.expect_navigation():
            tab.keyboard.press("ArrowDown")
        assert "app=%3C" in tab.url and "range=all" in tab.url
        # a row is followed by Enter, and the filter is taken away by it
        tab.wait_for_selector("html[data-drawn]", state="attached")
        tab.focus("[data-figure=channels] a.row >> nth=0")
        with tab.expect_navigation():
            tab.keyboard.press("Enter")
        assert "segment=channel" in tab.url
        tab.go_back()
        tab.wait_for_selector("html[data-drawn]", state="attached")
        assert "segment" not in tab.url and tab.input_value("select[name=app]") == HOSTILE
        # days of one's own, and the period before
        tab.select_option("select[name=range]", "")
        tab.fill("input[name=from]", "2025-03-01")
        with tab.expect_navigation():
            tab.fill("input[name=to]", "2025-05-31")
        assert "from=2025-03-01&to=2025-05-31" in tab.url
        with tab.expect_navigation():
            tab.focus("input[name=compare]")
            tab.keyboard.press("Space")
        assert "compare=1" in tab.url
        # the theme holds on the next page, from its first paint on
        tab.focus("#theme")
        tab.keyboard.press("Enter")
        tab.goto(f"{origin}/dashboards/revenue")
        assert tab.get_attribute("html", "data-theme") == "dark"
        assert (page.said, page.asked) == ([], [])


@needs_chromium
@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_home_and_one_event_say_what_is_missing(chromium: Any, tmp_path: Path, count: int) -> None:
    one = {"int_data_clocks": clocks("shop", first="2025-06-15")} if count else {"int_data_clocks": [{"app": None}]}
    rows = {**one, "metric_active_persons": metric({"2025-06-15": 1.0}, "day", open_from="2025") if count else []}
    with serving(publish_rows(tmp_path / "home", rows)) as origin:
        for path in ("/", "/dashboards/web", "/dashboards/data_health", "/live"):
            with shown(chromium, f"{origin}{path}", width=360, bypass_csp=True) as page:
                assert page.overflow() == [] and faults_for_readers(page.page) == []
                assert (page.said, page.asked) == ([], [])


@needs_chromium
def test_without_scripts_a_page_is_tables(chromium: Any, origin: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/dashboards/overview?app=shop")
    page.wait_for_url("**whole=1")
    assert page.locator("[data-figure=active_persons] .rows[open] td").first.is_visible()
    page.select_option("select[name=app]", "")
    page.click("text=Show")
    assert "app=&" in page.url and "whole=1" in page.url
    assert page.locator("[data-figure=active_persons] .rows[open] td").first.is_visible()
    context.close()


@needs_chromium
def test_what_comes_in_is_seen_as_it_comes(chromium: Any, tmp_path: Path) -> None:
    with receiving(tmp_path / "home") as server, shown(chromium, f"{server.url}/live", width=360) as page:
        page.page.wait_for_selector("html[data-live=on]")
        now = datetime.now(UTC).isoformat()
        event = {"event_name": HOSTILE, "user_id": "u1", "occurred_at": now, "page_url": f"https://x.example/{HOSTILE}"}
        assert httpx.post(f"{server.url}/api/v1/analytics/events", json=event).status_code == 200
        page.page.wait_for_selector("[data-live=latest] tr")
        assert HOSTILE in page.page.text_content("[data-live=latest]")
        page.page.locator("[data-live=active]", has_text="1").wait_for()
        assert page.overflow() == [] and (page.said, page.asked) == ([], [])
