"""Real SDKs from the npm registry, in Node and in headless Chromium: unmodified but for their host."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ingest.collector.keys import Keys
from tests.ingest.collector.browser import AGENT, CHROMIUM, OPTIONS, needs_chromium, served
from tests.ingest.collector.conftest import Server, serving
from tests.ingest.events import landed

SDKS = Path(__file__).parents[2] / "sdks"
NODE = shutil.which("node")

missing = [
    name for name, found in (("node", NODE), ("npm ci in tests/sdks", (SDKS / "node_modules").exists())) if not found
]
pytestmark = pytest.mark.skipif(
    bool(missing) and not os.environ.get("CI"), reason=f"these SDKs need {' and '.join(missing)}: see .ci/run"
)

PLAIN = {"Order Completed": "u1", "Product Viewed": None}
IN_NODE = {
    "segment": PLAIN | {"identify": "u1"},
    "rudder": PLAIN | {"identify": "u1"},
    "posthog": PLAIN | {"$create_alias": "u1", "$identify": "u1"},
    "amplitude": PLAIN | {"$identify": "u1"},
    "mixpanel": PLAIN | {"$set": "u1"},
}
IN_BROWSER = {
    "segment": PLAIN | {"page": None, "identify": "u1"},
    "rudder": PLAIN | {"page": None, "identify": "u1"},
    "posthog": PLAIN | {"$identify": "u1", "Before Unload": "u1"},
    "amplitude": PLAIN | {"$identify": "u1"},
    "mixpanel": PLAIN | {"$identify": "u1", "$set": "u1", "Before Unload": "u1"},
    "snowplow": {"order_completed": "u1", "product_viewed": None, "page_view": None},
    "plausible": {"Order Completed": None, "Product Viewed": None, "pageview": None},
    "plausible_older": {"Product Viewed": None, "pageview": None},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home to which every SDK has told its story, each as an app of its own, all at one time."""
    home = tmp_path_factory.mktemp("sdks") / "home"
    names = [*(f"node_{sdk}" for sdk in IN_NODE), *(f"browser_{sdk}" for sdk in IN_BROWSER)]
    # the key is also the name that SDKs without a key send
    keys = {name: Keys(home).create("write", name)[1] for name in names}
    with serving(home) as server:
        in_node = {
            sdk: subprocess.Popen(
                [str(NODE), SDKS / "node" / f"{sdk}.mjs", server.url, keys[f"node_{sdk}"]], stderr=subprocess.PIPE
            )
            for sdk in IN_NODE
        }
        if CHROMIUM:
            in_browser(server, keys, tmp_path_factory.mktemp("pages"))
        for sdk, process in in_node.items():
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, f"{sdk}: {errors.decode()}"
        server.stop()
    return home


def in_browser(server: Server, keys: dict[str, str], folder: Path) -> None:
    """Open a page for each SDK, wait, and go to another one; the pages come from another origin than the collector."""
    from playwright.sync_api import sync_playwright

    write_pages(folder)
    with served(folder) as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        opened, errors = [], list[str]()
        for sdk in IN_BROWSER:
            context = browser.new_context(user_agent=AGENT)
            test = {"host": server.url, "key": keys[f"browser_{sdk}"]}
            context.add_init_script(f"window.footfallTest = {json.dumps(test)}")
            page = context.new_page()
            page.on("console", lambda said, sdk=sdk: errors.append(f"{sdk}: {said.text}"))
            page.on("pageerror", lambda error, sdk=sdk: errors.append(f"{sdk}: {error}"))
            page.goto(f"{origin}/{sdk}.html?utm_source=news")
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


def check(home: Path, app: str, told: dict[str, str | None]) -> None:
    """What has landed is the story: who, and what they bought."""
    rows = landed(home, "event_name, user_id, anonymous_id, properties", f"app = '{app}'")
    assert told.items() <= {row[:2] for row in rows}
    properties = {row[0].lower().replace(" ", "_"): json.loads(row[3]) for row in rows}
    assert properties["product_viewed"]["sku"] == "A1"
    if "order_completed" in properties:
        order = properties["order_completed"]
        assert (order["order_id"], order["currency"], order["amount_cents"]) == ("o1", "EUR", 1999)


@pytest.mark.parametrize("sdk", IN_NODE)
def test_a_node_sdk_tells_its_story(sdk: str, told: Path) -> None:
    check(told, f"node_{sdk}", IN_NODE[sdk])


@needs_chromium
@pytest.mark.parametrize("sdk", IN_BROWSER)
def test_a_browser_sdk_tells_its_story(sdk: str, told: Path) -> None:
    check(told, f"browser_{sdk}", IN_BROWSER[sdk])
    story = ", ".join(f"'{name}'" for name in IN_BROWSER[sdk])
    where = f"app = 'browser_{sdk}' and page_url is not null and event_name in ({story})"
    rows = landed(told, "distinct anonymous_id, page_url", where)
    assert rows
    assert len({row[0] for row in rows}) == 1
    assert all("utm_source=news" in row[1] for row in rows)
