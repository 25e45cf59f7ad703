"""Real SDKs from the package registries, in Python, Node and headless Chromium, whole way to the marts.

One story, told by each as an app of its own, all to one server and one home: a page of a campaign is viewed, then a
product, somebody logs in and orders. Whoever told it, its events are the same, and so are its marts.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.collector.keys import Keys
from tests.end_to_end.dbt_project import copy_part, run_dbt
from tests.ingest.collector.browser import AGENT, CHROMIUM, OPTIONS, served
from tests.ingest.collector.conftest import Server, serving
from tests.ingest.events import landed
from tests.sdks.in_python import AT, IN_PYTHON, PAGE

SDKS = Path(__file__).parent
NODE = shutil.which("node") if (SDKS / "node_modules").exists() else None
IN_NODE = ("segment", "rudder", "posthog", "amplitude", "mixpanel")
IN_BROWSER = ("segment", "rudder", "posthog", "amplitude", "mixpanel", "snowplow", "plausible", "plausible_older")
MODELS = ("fct_sessions", "dim_persons", "fct_web_overview", "fct_revenue_overview", "fct_attribution")

# the names that vendors give to viewing a page and to logging in
PAGE_VIEWS = ("page", "$pageview", "$mp_web_page_view", "[Amplitude] Page Viewed", "pageview")
LOGINS = ("identify", "$identify", "$create_alias", "$set")
NAMES = dict.fromkeys(PAGE_VIEWS, "page_view") | dict.fromkeys(LOGINS, "login")
STORY = {"page_view", "product_viewed", "login", "order_completed"}
# what some SDKs tell of themselves
BESIDE = {"page_left", "$pageleave", "session_start", "engagement"}
# what an SDK has no call for
WITHOUT = {
    "python_snowplow": {"login"},
    "browser_snowplow": {"login"},
    "browser_plausible": {"login"},
    "browser_plausible_older": {"login", "order_completed"},
}
WITHOUT_USERS = {"browser_plausible", "browser_plausible_older"}


def skipped(where: str, sdk: str) -> Any:
    """An app's name, marked where what runs it is not installed; in CI everything is."""
    missing = {"node": not NODE, "browser": not NODE or not CHROMIUM}.get(where, False) and not os.environ.get("CI")
    reason = "this needs npm ci in tests/sdks, node and Chromium: see .ci/run"
    return pytest.param(f"{where}_{sdk}", marks=pytest.mark.skipif(missing, reason=reason))


APPS = [
    *(skipped("python", sdk) for sdk in IN_PYTHON),
    *(skipped("node", sdk) for sdk in IN_NODE),
    *(skipped("browser", sdk) for sdk in IN_BROWSER),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home to which every SDK has told the story, landed and built."""
    home = tmp_path_factory.mktemp("sdks") / "home"
    # the key is also the name that SDKs without a key send
    keys = {app.values[0]: Keys(home).create("write", app.values[0])[1] for app in APPS}
    with serving(home) as server:
        in_node = {
            sdk: subprocess.Popen(
                [NODE, SDKS / "node" / f"{sdk}.mjs", server.url, *identity(f"node_{sdk}", keys), PAGE],
                stderr=subprocess.PIPE,
            )
            for sdk in IN_NODE
            if NODE
        }
        for sdk, tell in IN_PYTHON.items():
            tell(server.url, *identity(f"python_{sdk}", keys))
        if NODE and CHROMIUM:
            in_browser(server, keys, tmp_path_factory.mktemp("pages"))
        for sdk, process in in_node.items():
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, f"{sdk}: {errors.decode()}"
        server.stop()
    project = copy_part(tmp_path_factory.mktemp("part") / "project", MODELS)
    only = ("--resource-type=seed", "--resource-type=model", "--no-write-json")
    run_dbt(home, "build", *only, "--select", *(f"+{model}" for model in MODELS), project=project)
    return home


def identity(app: str, keys: dict[str, str]) -> tuple[str, str, str]:
    """The key, the device and the user of an app, so that the people of two apps are not one."""
    return keys[app], f"{app}-d1", f"{app}-u1"


def in_browser(server: Server, keys: dict[str, str], folder: Path) -> None:
    """Open a page for each SDK, wait, and go to another one; the pages come from another origin than the collector."""
    from playwright.sync_api import sync_playwright

    write_pages(folder)
    with served(folder) as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OPTIONS, f"--user-agent={AGENT}"])
        opened, errors = [], list[str]()
        for sdk in IN_BROWSER:
            # an agent of the context alone is not that of what is sent while a page is left
            context = browser.new_context()
            key, _, user = identity(f"browser_{sdk}", keys)
            test = {"host": server.url, "key": key, "user": user}
            context.add_init_script(f"window.footfallTest = {json.dumps(test)}")
            page = context.new_page()
            page.on("console", lambda said, sdk=sdk: errors.append(f"{sdk}: {said.text}"))
            page.on("pageerror", lambda error, sdk=sdk: errors.append(f"{sdk}: {error}"))
            page.goto(f"{origin}/{sdk}.html?{PAGE.partition('?')[2]}")
            opened.append(page)
        opened[-1].wait_for_timeout(6000)
        for page in opened:
            page.goto(f"{origin}/next.html")
        opened[-1].wait_for_timeout(1000)
        browser.close()
    assert not [error for error in errors if "CORS" in error or "Error" in error], errors


def write_pages(folder: Path) -> None:
    """A page for each script, bundled."""
    scripts = [str(path) for path in sorted((SDKS / "browser").glob("*.js"))]
    bundle = [*scripts, "--bundle", "--format=esm", f"--outdir={folder}", "--log-level=error"]
    subprocess.run([SDKS / "node_modules" / ".bin" / "esbuild", *bundle], check=True)
    for script in folder.glob("*.js"):
        page = f'<!doctype html><title>Shop</title><script type="module" src="{script.name}"></script>'
        (folder / f"{script.stem}.html").write_text(page)
    (folder / "next.html").write_text("<!doctype html><title>Next</title>")


def name_of(sent: str) -> str:
    """One name for what vendors name each in their own way."""
    return NAMES.get(sent, sent.lower().replace(" ", "_"))


@pytest.mark.parametrize("app", APPS)
def test_an_sdk_tells_its_story(app: str, told: Path) -> None:
    columns = "event_name, user_id, anonymous_id, page_url, properties, epoch(occurred_at)"
    rows = landed(told, columns, f"app = '{app}'")
    story = {name_of(row[0]): row for row in rows}
    assert story.keys() - BESIDE == STORY - WITHOUT.get(app, set())
    # some views are told when the page's script has run, and who it is has been said
    assert story["product_viewed"][1] is None and story["page_view"][1] in (None, f"{app}-u1")
    assert PAGE.partition("?")[2] in story["page_view"][3]
    assert json.loads(story["product_viewed"][4])["product_id"] == "A1"
    sets = [json.loads(row[4])["$set"] for row in rows if "$set" in json.loads(row[4])]
    assert any(each.get("plan") == "pro" for each in sets) == ("login" in story)
    if "order_completed" in story:
        order = json.loads(story["order_completed"][4])
        assert (order["order_id"], order["currency"], order["amount_cents"]) == ("o1", "USD", 1999)
        assert story["order_completed"][1] == (None if app in WITHOUT_USERS else f"{app}-u1")
    devices = {row[2] for row in rows if row[0] != "$create_alias"} - {None}
    assert len(devices) == 1
    if app.startswith("python"):
        assert devices == {f"{app}-d1"}
        # clock correction may move what was sent a moment ago
        assert all(-2 <= row[5] - AT.timestamp() <= 182 for row in rows)


@pytest.fixture(scope="module")
def marts(told: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts that were built of all the stories."""
    with duckdb.connect(str(told / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


# what marts say of the story, whoever told it: a mart's columns, and their values in a row for each app; not how many
# users a person has, because an alias of PostHog's does not say which of its two ids is a user's
MARTS = {
    """select count(*), any_value(entry_page), any_value(channel), any_value(utm_source), any_value(utm_medium),
        any_value(utm_campaign), sum(page_views), sum(interactions), sum(activity_events), any_value(is_bounce),
        any_value(is_visit), count(distinct person_id)
    from fct_sessions where app = ?""": (1, PAGE, "Email", "news", "email", "spring", 1, 2, 3, False, True, 1),
    """select count(*), any_value(is_identified), any_value(devices), any_value(sessions),
        any_value(first_channel), any_value(first_entry_page)
    from dim_persons where first_app = ?""": (1, True, 1, 1, "Email", PAGE),
    """select sum(visitors), sum(views), sum(sessions), max(bounce_rate) from fct_web_overview
    where period = 'day' and segment = 'app' and segment_value = ?""": (1, 1, 1, 0),
    """select sum(revenue_cents), sum(orders), sum(paying_customers), sum(new_customers) from fct_revenue_overview
    where period = 'day' and segment = 'app' and segment_value = ?""": (1999, 1, 1, 1),
}


def comparable(value: Any) -> Any:
    """A page's address without what tells one SDK's page from another's."""
    return re.sub(r"localhost(:\d+)?/\w+\.html", "localhost/shop.html", value) if isinstance(value, str) else value


@pytest.mark.parametrize("query", MARTS, ids=lambda query: re.findall(r"(?:fct|dim)_\w+", query)[0])
@pytest.mark.parametrize("app", [app for app in APPS if app.values[0] not in WITHOUT_USERS])
def test_one_story_makes_one_mart_whoever_told_it(app: str, query: str, marts: duckdb.DuckDBPyConnection) -> None:
    row = marts.execute(query, [app]).fetchone()
    assert row is not None
    assert tuple(map(comparable, row)) == MARTS[query]


@pytest.mark.parametrize("app", [app for app in APPS if app.values[0] in WITHOUT_USERS])
def test_who_sends_no_id_is_a_visitor_of_the_day(app: str, marts: duckdb.DuckDBPyConnection) -> None:
    """The same marts, but for who it is and for what its SDK cannot tell."""
    orders = int("order_completed" not in WITHOUT[app])
    sessions, persons, web, revenue = MARTS
    wanted = {
        sessions: (*MARTS[sessions][:7], 1 + orders, 2 + orders, *MARTS[sessions][9:]),
        persons: (1, False, *MARTS[persons][2:]),
        web: MARTS[web],
        revenue: MARTS[revenue] if orders else (None, None, None, None),
    }
    found = {query: marts.execute(query, [app]).fetchone() or () for query in MARTS}
    assert {query: tuple(map(comparable, row)) for query, row in found.items()} == wanted


def test_every_order_is_credited_to_the_campaign_that_brought_the_visit(marts: duckdb.DuckDBPyConnection) -> None:
    told_by = "select count(distinct app) from stg_events where event_name = 'order_completed'"
    credited = """select channel, utm_campaign, sum(credited_conversions), sum(credited_cents) from fct_attribution
        where conversion = 'order' and model = ? group by all"""
    (orders,) = marts.execute(told_by).fetchone() or (0,)
    assert orders >= len(IN_PYTHON)
    for model in ("first_touch", "last_touch", "linear"):
        assert marts.execute(credited, [model]).fetchall() == [("Email", "spring", orders, 1999 * orders)]
