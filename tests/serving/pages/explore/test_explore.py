"""Explore, as a browser shows it: what is asked by the form is what `ask` answers, for everybody who may ask."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import duckdb
import httpx
import pytest
import yaml

from ingest.collector.keys import Keys
from serving.ask import ask
from serving.dashboards import faults_of, read_library
from serving.figures import Source, fill, open_source
from serving.pages.explore.names import names_of
from serving.snapshots import Snapshots
from tests.ingest.collector.browser import needs_chromium
from tests.serving.api.homes import two_apps
from tests.serving.pages.explore.homes import HOSTILE, QUESTIONS, events, publish_events
from tests.serving.pages.server import serving
from tests.serving.report.browser import WIDTHS, Shown, browser, faults_for_readers, watched
from tests.serving.report.homes import REPOSITORY

ONE_OF_EACH = list({question["kind"]: question for question in reversed(QUESTIONS)}.values())
SETTLED = "!document.querySelector('#question[aria-busy]')"
ANSWERED = f"{SETTLED} && !document.querySelector('#answer.stale')"
ROWS = "rows => rows.map((row) => [...row.cells].map((cell) => cell.dataset.value ?? cell.textContent))"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_events(tmp_path_factory.mktemp("explore") / "home")


@pytest.fixture(scope="module")
def origin(home: Path) -> Iterator[str]:
    with serving(home) as found:
        yield found


@pytest.fixture(scope="module")
def source(home: Path) -> Iterator[Source]:
    found = open_source(home)
    yield found
    found.connection.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Any, origin: str) -> Iterator[Shown]:
    with opened(chromium, origin) as found:
        yield found


@contextmanager
def opened(chromium: Any, origin: str, question: Any = None, width: int = 1200, **options: Any) -> Iterator[Shown]:
    """A page of Explore that has been answered."""
    with watched(chromium, origin, width, **options) as found:
        found.page.goto(f"{origin}/explore" + (f"?question={quote(json.dumps(question))}" if question else ""))
        if options.get("java_script_enabled", True):
            found.page.wait_for_selector("#answer[data-answers], .wrong")
        yield found


def until(page: Any, holds: str, argument: Any = None) -> None:
    """Wait until something holds in a page, whose policy lets nothing be evaluated in it by itself."""
    for _ in range(200):
        if page.evaluate(holds, argument):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {holds}")


def rows_of(page: Any) -> list[list[str]]:
    table = page.locator("#answer table.data").last
    return list(table.locator("tbody tr").evaluate_all(ROWS))


def expected(source: Source, question: dict[str, Any]) -> list[list[str]]:
    def raw(value: Any) -> str:
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    return [[raw(value) for value in row] for row in ask(source.connection, question, source.settings).rows]


@needs_chromium
@pytest.mark.parametrize("question", ONE_OF_EACH, ids=lambda one: one["kind"])
def test_each_kind_is_asked_by_the_form_and_shows_the_rows_of_ask(
    page: Shown, source: Source, question: dict[str, Any]
) -> None:
    """The kind is chosen, then every input filled in as somebody would; what is shown is what `ask` says."""
    from serving.pages.explore.form import form_of, tree_of
    from tests.serving.pages.explore.test_form import pairs

    found = page.page
    found.click(f".kinds [data-kind={question['kind']}]")
    found.wait_for_selector(f".kinds [data-kind={question['kind']}][aria-current]")
    found.wait_for_selector("#answer[data-answers]")
    wanted = [
        (name, value) for name, value in pairs(form_of(question["kind"], tree_of(question["kind"], question, {}), {}))
    ]
    found.eval_on_selector_all("#question details", "all => all.forEach((one) => { one.open = true; })")
    for name, value in wanted:
        while found.locator(f'#question [name="{name}"]').count() == 0:
            holder = name.rsplit(".", 2)[0] if ".where." in name else name.split(".")[0]
            button = found.locator(f'#question button[value="add:{holder}"], #question button[value="on:{holder}"]')
            button.first.click()
            found.wait_for_selector(f'#question [name="{name}"]', state="attached")
        found.eval_on_selector_all("#question details", "all => all.forEach((one) => { one.open = true; })")
        field = found.locator(f'#question [name="{name}"]').last
        kind = field.get_attribute("type")
        if kind == "checkbox":
            field.set_checked(value == "1")
        elif field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        elif kind != "hidden" and field.input_value() != value:
            field.fill(value)
            field.blur()
        until(found, SETTLED)
    until(found, ANSWERED)
    shown = json.loads(found.input_value("#json"))
    assert shown == json.loads(found.evaluate("document.getElementById('answer').dataset.answers"))
    assert (
        ask(source.connection, shown, source.settings).question
        == ask(source.connection, question, source.settings).question
    )
    rows = expected(source, question)
    assert rows and rows_of(found) == rows[:1000]
    assert (page.said, page.asked) == ([], [])


@needs_chromium
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: json.dumps(one)[9:50])
def test_every_answer_is_drawn_and_equals_ask(
    chromium: Any, origin: str, source: Source, question: dict[str, Any]
) -> None:
    with opened(chromium, origin, question) as page:
        assert rows_of(page.page) == expected(source, question)[:1000]
        assert not page.page.locator(".wrong").count() and page.page.locator("#answer figure").count()
        plot = page.page.locator("#answer .plot")
        if plot.count():
            page.page.wait_for_selector("#answer .plot svg")
        assert (page.said, page.asked) == ([], [])
        shell = shlex.split(page.page.text_content("#command"))
        assert shell[:2] == ["footfall", "ask"]
        assert (
            ask(source.connection, json.loads(shell[2]), source.settings).rows
            == ask(source.connection, question, source.settings).rows
        )


@needs_chromium
def test_the_form_is_used_by_the_keyboard_alone(page: Shown) -> None:
    keyboard, found = page.page.keyboard, page.page

    def tab_to(selector: str) -> None:
        for _ in range(80):
            keyboard.press("Tab")
            if found.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} is not reached by the keyboard")

    tab_to("[data-kind=funnel]")
    keyboard.press("Enter")
    found.wait_for_selector("[data-kind=funnel][aria-current]")
    found.wait_for_selector("#answer[data-answers]")
    tab_to("[name='steps.0.event_name']")
    keyboard.press("Control+A")
    keyboard.type("page_view")
    tab_to("[name='steps.1.event_name']")
    keyboard.press("Control+A")
    keyboard.type("purchase")
    tab_to("button[value='add:steps']")
    keyboard.press("Enter")
    until(found, "document.activeElement.name === 'steps.2.event_name'")
    keyboard.type("signed_up")
    keyboard.press("Enter")
    until(found, "JSON.parse(document.getElementById('json').value).steps[2].event_name === 'signed_up'")
    tab_to("button[value='up:steps.2']") if found.evaluate("document.activeElement.name") != "do" else None
    keyboard.press("Enter")
    until(found, "JSON.parse(document.getElementById('json').value).steps[1].event_name === 'signed_up'")
    # it stays on the button of the row that moved, as far up as that goes
    assert found.evaluate("document.activeElement.value") == "up:steps.1"
    named = "[...document.querySelectorAll('#answer .funnel .name')].map((one) => one.title).join()"
    until(found, f"{named} === 'page_view,signed_up,purchase'")
    assert page.said == []


@needs_chromium
def test_changes_are_undone_and_done_again(page: Shown) -> None:
    found = page.page

    def said() -> Any:
        return json.loads(found.input_value("#json"))

    before = said()
    found.fill("[name=app]", "desk")
    found.locator("[name=app]").blur()
    until(found, "JSON.parse(document.getElementById('json').value).app === 'desk'")
    found.select_option("[name=interval]", "month")
    until(found, "JSON.parse(document.getElementById('json').value).interval === 'month'")
    after = said()
    found.locator("h1").click()
    found.keyboard.press("Control+z")
    until(found, "JSON.parse(document.getElementById('json').value).interval !== 'month'")
    assert found.input_value("[name=app]") == "desk" and found.input_value("[name=interval]") != "month"
    found.click("#undo")
    until(found, "!document.getElementById('json').value.includes('desk')")
    assert said() == before and found.is_disabled("#undo")
    found.keyboard.press("Control+Shift+z")
    until(found, "document.getElementById('json').value.includes('desk')")
    found.go_forward()
    until(found, "JSON.parse(document.getElementById('json').value).interval === 'month'")
    assert said() == after and found.input_value("[name=interval]") == "month" and found.is_disabled("#redo")
    # the address is the question: who opens it sees the same
    assert json.loads(parse_qs(urlsplit(found.url).query)["question"][0]) == after
    assert page.said == []


@needs_chromium
def test_the_json_is_changed_and_the_form_follows(page: Shown) -> None:
    found = page.page
    found.click("text=Question as JSON")
    found.fill("#json", '{"kind": "lifecycle", "period": "week", "where": {"seats": {"gte": 2}}}')
    found.click("text=Ask this")
    until(found, "document.getElementById('answer').dataset.answers.includes('lifecycle')")
    assert found.input_value("[name=period]") == "week"
    assert [found.input_value(f"[name='where.0.{part}']") for part in ("key", "op", "value")] == ["seats", "gte", "2"]
    found.fill("#json", '{"kind": "lifecycle", ')
    found.click("text=Ask this")
    found.wait_for_selector(".wrongs .wrong")
    assert "no JSON" in found.text_content(".wrongs")


@needs_chromium
def test_a_publication_answers_the_question_again_and_keeps_the_place(chromium: Any, tmp_path: Path) -> None:
    question = {"kind": "trends", "series": {"A": {"event_name": "purchase"}}, "interval": "week"}
    home = publish_events(tmp_path / "home")
    with serving(home) as origin, opened(chromium, origin, question) as page:
        found = page.page
        before = rows_of(found)
        found.locator("#answer summary", has_text="Definition").first.click()
        found.focus("#answer .plot")
        found.evaluate("scrollTo({top: 200, behavior: 'instant'})")
        more = [{**row, "event_id": f"again-{row['event_id']}"} for row in events() if row["event_name"] == "purchase"]
        name = "20260102T000000_000000_abcdef"
        publish_events(home, name, more)
        found.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        twice = [[*row[:2], str(2 * int(row[2])), *row[3:]] for row in before]
        for _ in range(200):
            if rows_of(found) == twice:
                break
            found.wait_for_timeout(50)
        assert rows_of(found) == twice != before
        assert name in found.text_content("footer")
        assert found.evaluate("scrollY") == 200
        assert found.evaluate("document.activeElement.matches('#answer .plot')")
        assert found.locator("#answer details[open]").count() == 1
        assert (page.said, page.asked) == ([], [])


@needs_chromium
def test_what_is_wrong_stands_beside_its_field_and_the_nearest_is_taken(page: Shown) -> None:
    found = page.page
    found.fill("[name='series.0.event_name']", "purchas")
    found.locator("[name='series.0.event_name']").blur()
    found.wait_for_selector(".event .wrong")
    assert "is named purchas; did you mean purchase?" in " ".join(found.text_content(".event .wrong").split())
    assert found.get_attribute("[name='series.0.event_name']", "aria-invalid") == "true"
    assert "cannot be asked yet" in found.text_content("#answer")
    assert faults_for_readers(found) == []
    found.click(".event .wrong button")
    until(found, "document.getElementById('answer').dataset.answers.includes('\"purchase\"')")
    assert not found.locator(".wrong").count()
    found.fill("[name=formula]", "A +")
    found.locator("[name=formula]").blur()
    found.wait_for_selector("[data-part=formula] .wrong")


@needs_chromium
def test_texts_of_events_stay_texts(chromium: Any, origin: str) -> None:
    question = {
        "kind": "trends",
        "series": {HOSTILE: {"event_name": HOSTILE, "where": {HOSTILE: HOSTILE}}},
        "breakdown": HOSTILE,
        "interval": "month",
    }
    with opened(chromium, origin, question) as page:
        found = page.page
        assert found.input_value("[name='series.0.event_name']") == HOSTILE
        assert json.loads(found.input_value("#json")) == question
        found.focus("[name='series.0.where.0.value']")
        found.wait_for_selector("#values-series\\.0\\.where\\.0 option", state="attached")
        assert HOSTILE in found.eval_on_selector_all("datalist option", "all => all.map((one) => one.value)")
        assert HOSTILE in found.text_content("#answer")
        assert found.locator("#answer img, #answer script:not([type='application/json']), main img").count() == 0
        assert (page.said, page.asked) == ([], [])
    with opened(chromium, origin, {"kind": HOSTILE}) as page:
        assert HOSTILE in json.loads(
            page.page.text_content(".wrongs .wrong").split("is ", 1)[1].split(" Legal")[0].rstrip(".")
        )
        assert page.said == []


@needs_chromium
def test_a_question_is_kept_in_a_dashboard_and_taken_back(chromium: Any, tmp_path: Path) -> None:
    home = publish_events(tmp_path / "home")
    with serving(home) as origin, opened(chromium, origin, QUESTIONS[8]) as page:
        found = page.page
        found.click("text=Keep it in a dashboard")
        found.fill("#keep-title", f"To buyers {HOSTILE}")
        found.fill("#keep-new", "My funnels")
        found.click("button:has-text('Keep it')")
        found.wait_for_selector(".kept")
        library = read_library(REPOSITORY, home)
        placed = library.dashboards["my_funnels"].figures[0].figure
        assert library.figures[placed].title.startswith("To buyers")
        with_data = open_source(home)
        mine = type(library)({"my_funnels": library.dashboards["my_funnels"]}, {placed: library.figures[placed]})
        assert faults_of(mine, with_data) == []
        filled = fill(library.figures[placed], with_data, with_data.filters())
        assert [row[2] for row in filled.rows] == [
            row[2] for row in ask(with_data.connection, QUESTIONS[8], with_data.settings).rows
        ]
        found.click(".kept a")
        found.wait_for_selector(f"[data-figure={placed}] .funnel")
        assert found.locator(f"[data-figure={placed}] .funnel li").count() == 3
        found.go_back()
        found.wait_for_selector(".kept button")
        found.click(".kept button")
        found.wait_for_selector("text=is kept no more")
        assert "my_funnels" not in read_library(REPOSITORY, home).dashboards
        assert not list((home / "dashboards").rglob("*.yml"))
        assert page.said == []
        with_data.connection.close()


def test_nothing_is_kept_for_another_site_nor_without_an_admin_key(tmp_path: Path) -> None:
    home = publish_events(tmp_path / "home")
    said = {"question": json.dumps({"kind": "lifecycle"}), "title": "Life", "new": "Mine", "follows": "1"}
    with serving(home) as origin, httpx.Client(base_url=origin) as client:
        assert client.post("/explore/keep", data=said, headers={"Origin": "https://evil.example"}).status_code == 403
        assert client.get("/explore/keep").status_code == 405
        wrong = client.post("/explore/keep", data={**said, "question": "{"}, headers={"Origin": origin})
        assert wrong.status_code == 400 and "cannot be kept" in wrong.text
        assert not (home / "dashboards").exists()
        kept = client.post("/explore/keep", data=said, headers={"Origin": origin})
        assert kept.status_code == 303
        assert yaml.safe_load((home / "dashboards" / "mine.yml").read_text())["figures"] == [
            {"figure": "life", "width": 6}
        ]
        (_, read), (_, admin) = Keys(home).create("read", "shop"), Keys(home).create("admin", "shop")
        assert client.post("/explore/keep", data=said).status_code == 401
        reader = {"Authorization": f"Bearer {read}"}
        assert "admin key" in client.post("/explore/keep", data=said, headers=reader).text
        shown = client.get("/explore?ask=1", headers=reader).text
        assert "Keep it in a dashboard" not in shown and "desk" not in shown
        question = quote(json.dumps({"kind": "active_users", "interval": "total", "app": "desk"}))
        assert "No event is of app" in client.get(f"/explore/answer?question={question}", headers=reader).text
        boss = {"Authorization": f"Bearer {admin}"}
        again = client.post("/explore/keep", data={**said, "dashboard": "mine", "new": ""}, headers=boss)
        assert again.status_code == 303
        assert len(yaml.safe_load((home / "dashboards" / "mine.yml").read_text())["figures"]) == 2


def test_a_read_key_asks_of_its_app_whether_its_question_says_so_or_not(tmp_path: Path) -> None:
    home = two_apps(tmp_path / "home")
    bearer = {"Authorization": f"Bearer {Keys(home).create('read', 'shop')[1]}"}
    with serving(home) as origin, httpx.Client(base_url=origin, headers=bearer) as client:
        for kind in ("active_users", "lifecycle"):
            bare, named = ({"question": json.dumps({"kind": kind, **more})} for more in ({}, {"app": "shop"}))
            rows = [client.get("/explore/answer.csv", params=asked) for asked in (bare, named)]
            assert (rows[0].status_code, rows[0].text) == (200, rows[1].text)
            shown = client.get("/explore/answer", params=bare).text
            assert "app shop" in shown and "all apps" not in shown


def test_what_is_suggested_may_be_asked_by_its_reader(tmp_path: Path) -> None:
    home = two_apps(tmp_path / "home")
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb")) as marts:
        marts.execute("create table internal.int_sessions as select 'shop' as app")
    catalog = home / "published" / "current" / "catalog.json"
    told = json.loads(catalog.read_text())
    told["relations"]["int_sessions"] = {"files": [], "schema": "internal", "columns": [{"name": "app"}]}
    catalog.write_text(json.dumps(told))
    snapshots = Snapshots(home)
    with snapshots.read() as whole:
        suggested = [names_of(seen).suggested("keys") for seen in (whole, whole.of("shop"))]
    snapshots.close()
    for key, readers in (("session.channel", 2), ("session.is_first", 1), ("person.cohort", 1)):
        assert [key in keys for keys in suggested] == [True, readers == 2], key


def test_half_a_character_is_told(origin: str) -> None:
    half = quote('{"kind": "active_users", "app": "\\ud800"}')
    assert "no JSON of a question" in httpx.get(f"{origin}/explore/form?question={half}").json()["form"]


def test_the_csv_is_that_of_ask(origin: str, source: Source) -> None:
    question = QUESTIONS[9]
    answer = httpx.get(f"{origin}/explore/answer.csv?question={quote(json.dumps(question))}")
    assert answer.text == ask(source.connection, question, source.settings).as_csv()
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][0] == "breakdown" and len(rows) > 3
    wrong = httpx.get(f"{origin}/explore/answer.csv?question={quote(json.dumps({'kind': 'lifecycle', 'app': 'shp'}))}")
    assert wrong.status_code == 400 and "shop" in wrong.text


def test_a_range_is_put_into_the_days_and_moves_on_with_the_data(source: Source, origin: str) -> None:
    def days(name: str, app: str = "shop") -> tuple[str | None, str | None]:
        asked = {
            "kind": "trends",
            "app": app,
            "date_from": "2020-01-01",
            "date_to": "2020-02-01",
            "do": f"range:{name}",
        }
        question = json.loads(httpx.get(f"{origin}/explore/form", params=asked).json()["question"])
        return question.get("date_from"), question.get("date_to")

    data = source.data_of("shop")
    assert data
    assert days("30d") == ((data.last_day - timedelta(days=29)).isoformat(), None)
    assert days("all") == days("all", "no such app") == (None, None)
    assert days("no such range") == days("12m") == (source.filters("shop").date_from.isoformat(), None)


@pytest.mark.parametrize("question", [{"kind": []}, {"kind": {"a": 1}}, {"kind": None}, {}])
def test_a_kind_that_is_none_is_told(origin: str, question: dict[str, Any]) -> None:
    answer = httpx.get(f"{origin}/explore/form?question={quote(json.dumps(question))}")
    assert answer.status_code == 200 and not answer.json()["is_sound"] and "Legal kinds: " in answer.json()["form"]


@pytest.mark.parametrize(
    "question", [{"kind": "trends", "app": ["a"]}, {"kind": "trends", "app": {"a": 1}, "where": []}]
)
def test_what_cannot_be_carried_to_another_kind_is_told(origin: str, question: dict[str, Any]) -> None:
    answer = httpx.get(f"{origin}/explore?question={quote(json.dumps(question))}")
    assert answer.status_code == 200 and 'class="wrong"' in answer.text


@needs_chromium
def test_it_works_without_scripts(chromium: Any, origin: str, source: Source) -> None:
    question = {"kind": "lifecycle", "period": "week", "app": "shop"}
    with opened(chromium, origin, question, java_script_enabled=False) as page:
        found = page.page
        found.wait_for_selector("#answer .all-rows table.data")
        assert rows_of(found) == expected(source, question)
        found.click("button[value='add:where']")
        found.wait_for_selector("[name='where.0.key']")
        found.fill("[name='where.0.key']", "plan")
        found.fill("[name='where.0.value']", "pro")
        found.click(".ask-button")
        found.wait_for_selector("#answer .all-rows table.data")
        assert rows_of(found) == expected(source, {**question, "where": {"plan": "pro"}})
        assert found.locator("#values-where\\.0 option[value=team]").count() == 1
        found.fill("[name='where.0.key']", "plann")
        found.click(".ask-button")
        found.click(".condition .wrong button")
        found.wait_for_selector("#answer .all-rows table.data")
        assert found.input_value("[name='where.0.key']") == "plan"


@needs_chromium
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_can_be_read_by_everybody(chromium: Any, origin: str, width: int, theme: str) -> None:
    for question in (QUESTIONS[9], QUESTIONS[17], QUESTIONS[24]):
        with opened(chromium, origin, question, width=width, color_scheme=theme, bypass_csp=True) as page:
            page.page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
            assert page.overflow() == []
            assert faults_for_readers(page.page) == []
            assert (page.said, page.asked) == ([], [])


@needs_chromium
def test_an_empty_home_says_what_is_missing(chromium: Any, tmp_path: Path) -> None:
    from tests.serving.report.homes import publish_rows

    home = publish_rows(tmp_path / "home", {"int_data_clocks": [{"app": None}]})
    with serving(home) as origin, opened(chromium, origin, width=360) as page:
        assert "No event fits this question yet" in page.page.text_content("#answer")
        assert page.overflow() == [] and page.said == []


def test_an_answer_that_takes_too_long_is_given_up_and_its_form_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_ANSWER_SECONDS", "0.0001")
    query = {"question": json.dumps({"kind": "active_users"}), "ask": "1"}
    with serving(home) as origin:
        answers = [
            httpx.get(f"{origin}/explore{path}", params=query, timeout=60) for path in ("/answer", "/answer.csv", "")
        ]
    for answer in answers:
        assert "longer than 0.0001 seconds and was given up. Narrow the dates" in answer.text


def test_a_question_that_nobody_waits_for_ends(home: Path) -> None:
    """The query is interrupted: without that it would run for minutes, and hold the publication open."""
    import asyncio
    import threading

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from serving.pages.explore import given_up
    from serving.running import Running

    source = open_source(home)
    ended = threading.Event()

    def answer(request: Request) -> Response:
        running: Running = request.state.running
        try:
            with running.of(source.connection):
                source.connection.execute("select count(*) from range(1000000000) a, range(1000000000) b").fetchall()
        except Exception:
            ended.set()
        return Response("")

    route = given_up(Route("/", answer), 60)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.5)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "state": {}}
    waiting = threading.Thread(target=lambda: asyncio.run(route.endpoint(Request(scope, receive, send))))  # type: ignore[attr-defined]
    waiting.start()
    waiting.join()
    assert ended.is_set()
    source.connection.close()
