"""An unmodified posthog-js gets the variant of an experiment as a feature flag, and its use is the exposure."""

import json
import os
from pathlib import Path

import pytest

from ingest.collector.keys import Keys
from ingest.experiments import checked, define
from tests.end_to_end.dbt_project import copy_project
from tests.ingest.collector.browser import AGENT, CHROMIUM, OPTIONS, served
from tests.ingest.collector.conftest import serving
from tests.ingest.events import landed
from tests.sdks.test_sdks import NODE, write_pages

EXPERIMENT = checked(
    {
        "experiment": "button",
        "app": "shop",
        "unit": "device",
        "start_date": "2025-01-01",
        "variants": [{"variant": "plain", "is_control": True}, {"variant": "red", "weight": 2}],
        "metrics": [{"metric": "bought", "kind": "conversion", "numerator": "purchase", "is_primary": True}],
    }
)


def test_posthog_in_python_gets_the_same_and_of_its_own_app_alone(tmp_path: Path) -> None:
    from posthog import Posthog

    home, project = tmp_path / "home", copy_project(tmp_path / "project")
    define(EXPERIMENT, project=project)
    keys = {app: Keys(home).create("write", app)[1] for app in ("shop", "blog")}
    with serving(home, FOOTFALL_PROJECT_DIR=str(project)) as server:
        shop, blog = (Posthog(keys[app], host=server.url, sync_mode=True) for app in ("shop", "blog"))
        found = {unit: shop.get_feature_flag("button", unit) for unit in ("u1", "u2", "ü3")}
        assert found == {unit: EXPERIMENT.variant_of(unit) for unit in found}
        assert blog.get_feature_flag("button", "u1") is None
        server.stop()
    exposures = landed(home, "distinct properties ->> '$.variant'", "event_name = 'experiment_exposed'")
    assert {variant for (variant,) in exposures} == set(found.values())


@pytest.mark.skipif(
    not (NODE and CHROMIUM) and not os.environ.get("CI"), reason="this needs npm ci in tests/sdks, node and Chromium"
)
def test_posthog_js_gets_its_variant_and_tells_that_it_was_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playwright.sync_api import sync_playwright

    home, project, pages = tmp_path / "home", copy_project(tmp_path / "project"), tmp_path / "pages"
    pages.mkdir()
    define(EXPERIMENT, project=project)
    _, key = Keys(home).create("write", "shop")
    write_pages(pages)
    told = []
    with serving(home, FOOTFALL_PROJECT_DIR=str(project)) as server, served(pages) as origin:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OPTIONS, f"--user-agent={AGENT}"])
            for _ in range(3):
                page = browser.new_context().new_page()
                page.add_init_script(f"window.footfallTest = {json.dumps({'host': server.url, 'key': key})}")
                page.goto(f"{origin}/posthog_flags.html")
                page.wait_for_function("window.footfallTold && window.footfallTold.variant", timeout=20_000)
                told.append(page.evaluate("window.footfallTold"))
                page.wait_for_timeout(1000)
                page.reload()
                page.wait_for_function("window.footfallTold && window.footfallTold.variant", timeout=20_000)
                assert page.evaluate("window.footfallTold") == told[-1]
            browser.close()
        server.stop()
    assert {each["variant"] for each in told} <= {"plain", "red"}
    assert all(EXPERIMENT.variant_of(each["id"]) == each["variant"] for each in told)
    columns = "distinct anonymous_id, properties ->> '$.experiment', properties ->> '$.variant'"
    exposures = landed(home, columns, "event_name = 'experiment_exposed'")
    assert set(exposures) == {(each["id"], "button", each["variant"]) for each in told}
