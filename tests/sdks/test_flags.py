"""An unmodified SDK of PostHog gets the variant of an experiment as a feature flag, and its use is the exposure."""

from pathlib import Path

from ingest.collector.keys import Keys
from ingest.experiments import checked, define
from tests.end_to_end.dbt_project import copy_project
from tests.ingest.collector.conftest import serving
from tests.ingest.events import landed

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
