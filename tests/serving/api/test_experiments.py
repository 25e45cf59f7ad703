"""A test is made, assigned, converted and read over HTTP as by `footfall experiment`; what is recorded lands once."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from ingest.collector.keys import Keys
from ingest.experiments import read_experiment
from orchestration.backstage import Workshop
from orchestration.lock import build_lock
from serving.server import Shared
from tests.ingest.events import landed
from tests.serving.api.homes import two_apps
from tests.serving.api.listening import listening

REPOSITORY = Path(__file__).parents[3]
TEST = {"test_name": "button", "variants": ["plain", "red"], "traffic_split": [1, 3], "app": "shop"}
UNITS = ("u1", "u2", "ü/3")


def test_a_test_is_made_assigned_and_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, project = two_apps(tmp_path / "home"), tmp_path / "project"
    shutil.copytree(REPOSITORY / "seeds", project / "seeds")
    shutil.copy(REPOSITORY / "dbt_project.yml", project)
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(project))
    keys = Keys(home)
    made = [keys.create(kind, app)[1] for kind, app in (("admin", "*"), ("write", "shop"), ("write", "blog"))]
    with listening(Shared.of(home, backstage=Workshop(home))) as url:
        admin, shop, blog = (
            httpx.Client(base_url=f"{url}/analytics", headers={"Authorization": f"Bearer {key}"}) for key in made
        )
        assert shop.post("/ab-tests", json=TEST).status_code == 403
        with build_lock(home, "footfall build"):
            busy = admin.post("/ab-tests", json=TEST)
        assert (busy.status_code, "footfall build" in busy.text) == (409, True)
        # what is wrong in the guides' words is told in these
        for wrong in ({"traffic_split": [1]}, {"variants": ["plain"]}, {"splits": [1]}):
            assert admin.post("/ab-tests", json={**TEST, **wrong}).json()["errors"][0]["field"] == next(iter(wrong))
        created = admin.post("/ab-tests", json=TEST).json()
        assert (created["test_id"], created["is_new"]) == ("button", True)
        assert admin.post("/ab-tests", json={**TEST, "traffic_split": [1, 1]}).status_code == 409
        experiment = read_experiment("button", project)
        for _ in range(3):
            for unit in UNITS:
                told = shop.get("/ab-tests/button/variant", params={"user_id": unit}).json()
                assert told == {"test_id": "button", "user_id": unit, "variant": experiment.variant_of(unit)}
        # of another app there is no such test
        assert blog.get("/ab-tests/button/variant", params={"user_id": "u1"}).text == (
            blog.get("/ab-tests/none/variant", params={"user_id": "u1"}).text.replace("none", "button")
        )
        converted = {"test_id": "button", "user_id": "u1", "value": 9.5}
        assert shop.post("/ab-tests/results", json=converted).status_code == 202
        assert blog.post("/ab-tests/results", json=converted).status_code == 404
        assert admin.get("/ab-tests/button/results").status_code == 404
        results = admin.get("/ab-tests/experiment-shop/results").json()
        assert (results["winner"], results["improvement_percent"], results["is_valid"]) == (None, None, True)
    columns = "app, user_id, event_name, properties ->> '$.experiment', properties ->> '$.variant'"
    exposures = [("shop", unit, "experiment_exposed", "button", experiment.variant_of(unit)) for unit in UNITS]
    assert sorted(landed(home, columns), key=str) == sorted(
        [*exposures, ("shop", "u1", "button_converted", "button", None)], key=str
    )
    assert experiment.metrics[0].numerator == "button_converted"
