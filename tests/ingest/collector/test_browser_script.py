"""Our own script in headless Chromium, under a strict Content-Security-Policy."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.collector.app import BROWSER_SCRIPT
from ingest.collector.keys import Keys
from tests.ingest.collector.browser import CHROMIUM, OPTIONS, needs_chromium, served
from tests.ingest.collector.conftest import serving
from tests.ingest.events import landed

PAGE = """<!doctype html><title>Shop</title><body style="height: 3000px">
<button id="buy" data-analytics-track="Add to Cart" data-analytics-plan-name="pro">buy</button>
<button id="search" data-analytics-feature="search">search</button>
<form id="form" data-analytics-form="signup" action="thanks.html">
<input name="email" value="a@example.test"><button>go</button></form>
<a id="out" href="http://other.localhost:{port}/thanks.html">elsewhere</a>
<script defer src="{host}/footfall.js" data-key="{key}"></script>"""


def test_the_script_is_small() -> None:
    assert len(gzip.compress(BROWSER_SCRIPT.read_bytes())) <= 3 * 1024


def visit(tmp_path: Path, act: Callable[[Any, str], None], **context: Any) -> list[tuple[Any, ...]]:
    """Open the page, act, leave; return what landed, and hold that the page was told of no fault."""
    from playwright.sync_api import sync_playwright

    home, folder, errors = tmp_path / "home", tmp_path / "pages", list[str]()
    folder.mkdir()
    _, key = Keys(home).create("write", "shop")
    with serving(home) as server:
        policy = f"default-src 'none'; script-src {server.url}; connect-src {server.url}; style-src 'unsafe-inline'"
        with served(folder, {"Content-Security-Policy": policy}) as origin, sync_playwright() as playwright:
            port = origin.rsplit(":", 1)[1]
            (folder / "page.html").write_text(PAGE.format(host=server.url, key=key, port=port))
            (folder / "thanks.html").write_text("<!doctype html><title>Thanks</title>")
            (folder / "favicon.ico").write_text("")
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
            page = browser.new_context(**context).new_page()
            page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{origin}/page.html?utm_source=news")
            act(page, origin)
            page.goto("about:blank")
            page.wait_for_timeout(800)
            browser.close()
        server.stop()
    assert errors == []
    return landed(home, "event_name, properties, page_url, user_id, anonymous_id, page_title")


@needs_chromium
def test_pages_clicks_forms_links_and_time_are_told(tmp_path: Path) -> None:
    def act(page: Any, origin: str) -> None:
        page.wait_for_function("window.footfall")
        page.click("#buy")
        page.click("#search")
        page.evaluate("history.pushState({}, '', '/page.html?second')")
        page.evaluate("window.footfall.identify('u1', {plan: 'pro'})")
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(1500)
        page.evaluate("document.querySelector('#out').addEventListener('click', event => event.preventDefault())")
        page.click("#out")
        page.evaluate("document.querySelector('#form').addEventListener('submit', event => event.preventDefault())")
        page.click("#form button")

    rows = visit(tmp_path, act)
    told = {(row[0], row[2].rsplit("?")[-1]): json.loads(row[1]) for row in rows}
    assert told["page_view", "utm_source=news"] == {}
    assert told["page_view", "second"] == {}
    assert told["Add to Cart", "utm_source=news"] == {"plan_name": "pro"}
    assert told["feature_used", "utm_source=news"] == {"feature": "search"}
    assert told["identify", "second"] == {"$set": {"plan": "pro"}}
    assert told["outbound_link", "second"]["url"].startswith("http://other.localhost")
    assert told["form_submitted", "second"] == {"form": "signup"}
    assert told["engagement", "second"]["engagement_time_msec"] >= 1000
    assert told["engagement", "second"]["scroll_depth"] == 100
    assert len({row[4] for row in rows}) == 1
    assert {row[3] for row in rows if row[0] == "form_submitted"} == {"u1"}
    assert "a@example.test" not in str(rows)


@needs_chromium
def test_a_new_address_is_a_page_and_a_new_fragment_is_none(tmp_path: Path) -> None:
    def act(page: Any, origin: str) -> None:
        page.wait_for_function("window.footfall")
        for change in (
            "history.pushState({}, '', '/page.html?second')",
            "location.hash = 'part'",
            "history.replaceState({}, '', '/page.html?third#part')",
            "history.pushState({}, '', '/page.html?third#other')",
        ):
            page.evaluate(change)
            page.wait_for_timeout(100)
        for _ in range(3):  # third again, second, the first
            page.go_back()
            page.wait_for_timeout(100)

    rows = visit(tmp_path, act)
    viewed = Counter(row[2].rsplit("?")[-1].split("#")[0] for row in rows if row[0] == "page_view")
    assert viewed == {"utm_source=news": 2, "second": 2, "third": 1}


@needs_chromium
@pytest.mark.parametrize(
    "wish",
    [
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
        "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
        "try { localStorage.setItem('footfall_opt_out', '1') } catch { /* about:blank has none */ }",
    ],
)
def test_who_does_not_want_to_be_counted_is_not(wish: str, tmp_path: Path) -> None:
    def act(page: Any, origin: str) -> None:
        page.wait_for_function("window.footfall")
        page.context.add_init_script(wish)
        page.evaluate("window.footfall.optOut(); localStorage.clear()")
        page.goto(f"{origin}/page.html?again")
        page.wait_for_function("window.footfall")
        page.click("#buy")
        assert page.evaluate("localStorage.getItem('footfall_id')") is None

    assert [row for row in visit(tmp_path, act) if "again" in row[2]] == []
