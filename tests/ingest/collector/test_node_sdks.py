"""Real SDKs from the npm registry, in Node and in headless Chromium: unmodified but for their host."""

import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.collector.keys import Keys
from tests.ingest.collector.conftest import Server, serving
from tests.ingest.events import landed

SDKS = Path(__file__).parents[2] / "sdks"
NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# who is no browser of people is dropped by posthog-js itself
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

missing = [
    name for name, found in (("node", NODE), ("npm ci in tests/sdks", (SDKS / "node_modules").exists())) if not found
]
pytestmark = pytest.mark.skipif(
    bool(missing) and not os.environ.get("CI"), reason=f"these SDKs need {' and '.join(missing)}: see .ci/run"
)
needs_chromium = pytest.mark.skipif(
    not CHROMIUM and not os.environ.get("CI"), reason="these SDKs need Chromium: see .ci/run"
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
    "segment": PLAIN | {"page": None, "identify": "u1", "Before Unload": "u1"},
    "rudder": PLAIN | {"page": None, "identify": "u1"},
    "posthog": PLAIN | {"$identify": "u1", "Before Unload": "u1"},
    "amplitude": PLAIN | {"$identify": "u1"},
    "mixpanel": PLAIN | {"$identify": "u1", "$set": "u1", "Before Unload": "u1"},
    "snowplow": {"order_completed": "u1", "product_viewed": None, "page_view": None},
    "plausible": {"Order Completed": None, "Product Viewed": None, "pageview": None},
    "plausible_older": {"Product Viewed": None, "pageview": None},
}


def check(server: Server, told: dict[str, str | None]) -> None:
    """What has landed is the story: who, and what they bought."""
    rows = landed(server.home, "event_name, user_id, anonymous_id, app, properties")
    found = {row[0]: row for row in rows}
    assert {name: found[name][1] for name in told if name in found} == told
    assert {row[3] for row in rows} == {"shop"}
    properties = {name.lower().replace(" ", "_"): json.loads(row[4]) for name, row in found.items()}
    assert properties["product_viewed"]["sku"] == "A1"
    if "order_completed" in properties:
        order = properties["order_completed"]
        assert (order["order_id"], order["currency"], order["amount_cents"]) == ("o1", "EUR", 1999)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server of one app, and its key, which is also its public name."""
    _, key = Keys(tmp_path / "home").create("write", "shop")
    with serving(tmp_path / "home") as server:
        yield server, key


@pytest.mark.parametrize("sdk", IN_NODE)
def test_a_node_sdk_tells_its_story(sdk: str, shop: tuple[Server, str]) -> None:
    server, key = shop
    assert NODE, "node is missing"
    run = subprocess.run([NODE, SDKS / "node" / f"{sdk}.mjs", server.url, key], capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    server.stop()
    check(server, IN_NODE[sdk])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the pages are served: another origin than the collector's."""
    folder = tmp_path_factory.mktemp("pages")
    scripts = [str(path) for path in sorted((SDKS / "browser").glob("*.js"))]
    bundle = [*scripts, "--bundle", "--format=esm", f"--outdir={folder}", "--log-level=error"]
    subprocess.run([SDKS / "node_modules" / ".bin" / "esbuild", *bundle], check=True)
    for script in folder.glob("*.js"):
        page = f'<!doctype html><title>Shop</title><script type="module" src="{script.name}"></script>'
        (folder / f"{script.stem}.html").write_text(page)
    (folder / "next.html").write_text("<!doctype html><title>Next</title>")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://localhost:{web.server_port}"
        web.shutdown()


@needs_chromium
@pytest.mark.parametrize("sdk", IN_BROWSER)
def test_a_browser_sdk_tells_its_story(sdk: str, shop: tuple[Server, str], pages: str) -> None:
    from playwright.sync_api import sync_playwright

    server, key = shop
    errors: list[str] = []
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        context = browser.new_context(user_agent=AGENT)
        context.add_init_script(f"window.footfallTest = {json.dumps({'host': server.url, 'key': key})}")
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{pages}/{sdk}.html?utm_source=news")
        page.wait_for_timeout(5000)
        page.goto(f"{pages}/next.html")
        page.wait_for_timeout(1000)
        browser.close()
    server.stop()
    check(server, IN_BROWSER[sdk])
    # an SDK that is told less than it asks for says so of itself; what a browser blocks would be an error of ours
    assert not [error for error in errors if "CORS" in error or "blocked" in error], errors
