"""Dagster's definitions load, name no model, and a run of the job builds and publishes for real."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.build import build, read_outcome
from orchestration.checks import landing_batches
from serving import reader
from serving.publications import current_publication
from tests.end_to_end.dbt_project import REPOSITORY, environment
from tests.orchestration.conftest import Home


@pytest.fixture(scope="module")
def definitions(built_path: Path, core_project: Path) -> dg.Definitions:
    with environment({"FOOTFALL_HOME": str(built_path), "FOOTFALL_PROJECT_DIR": str(core_project)}):
        from orchestration.definitions import defs

        return defs()


@dataclass
class Listed:
    """The whole project as `dg` lists it, and as dbt parsed it for that."""

    assets: list[dict[str, Any]]
    checks: set[str]
    nodes: list[dict[str, Any]]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Listed:
    home = tmp_path_factory.mktemp("listed") / "home"
    with environment({"FOOTFALL_HOME": str(home)}):
        told = json.loads(dg_command("list", "defs", "--json"))
    nodes = json.loads((home / "dbt" / "parsed" / "manifest.json").read_text())["nodes"].values()
    return Listed(told["assets"], {check["name"] for check in told["asset_checks"]}, list(nodes))


def dg_command(*arguments: str) -> str:
    command = [str(Path(sys.executable).parent / "dg"), *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_model_is_an_asset_of_its_folders_group(listed: Listed) -> None:
    groups = defaultdict(set)
    for asset in listed.assets:
        groups[asset["group_name"]].add(asset["asset_key_parts"][-1])
    for node in listed.nodes:
        if node["resource_type"] == "model":
            assert node["name"] in groups[node["config"]["group"]]
    assert groups["landing"] == {"events"} and groups["published"] == {"marts"}
    assert None not in groups and "default" not in groups


def test_landing_stands_before_the_models_and_publishing_after_them(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    landed, published = dg.AssetKey(["landing", "events"]), dg.AssetKey(["published", "marts"])
    assert graph.get(landed).child_keys
    assert graph.get(published).parent_keys
    assert not graph.get(published).child_keys
    assert landed in graph.get(published).parent_keys or any(
        landed in graph.get(parent).parent_keys for parent in graph.get(published).parent_keys
    )


def test_every_dbt_test_that_reads_a_model_is_an_asset_check(listed: Listed) -> None:
    tests = {node["name"] for node in listed.nodes if node["resource_type"] == "test" and node["depends_on"]["nodes"]}
    assert len(tests) > 40 and tests <= listed.checks
    assert {"landed_batches_are_sane", "nothing_is_lost"} <= listed.checks


def test_one_writer_and_a_daily_run_at_midnight(definitions: dg.Definitions) -> None:
    pools = {
        node.pool
        for assets in definitions.assets or []
        if isinstance(assets, dg.AssetsDefinition)
        for node in [assets.op]
        if node.pool
    }
    assert pools == {"warehouse_writer"}
    schedule = definitions.resolve_schedule_def("daily")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 0 * * *", "UTC")


def test_orchestration_names_no_model() -> None:
    names = [path.stem for path in (REPOSITORY / "models").rglob("*_*") if path.suffix in (".sql", ".py")]
    files = [*(REPOSITORY / "orchestration" / "defs").glob("*.py"), REPOSITORY / "orchestration" / "definitions.py"]
    assert len(names) > 10
    assert [(path.name, name) for path in files for name in names if name in path.read_text()] == []


def test_the_job_checks_builds_and_publishes(definitions: dg.Definitions, built_home: Home) -> None:
    before = current_publication(built_home.path)
    built_home.land("second", 300, 20)
    with dg.instance_for_test() as instance:
        result = definitions.resolve_job_def("build_and_publish").execute_in_process(instance=instance)
    assert result.success
    assert current_publication(built_home.path) != before
    assert reader.connect(built_home.path).execute("select count(*) from events").fetchone() == (320,)
    evaluations = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
    assert all(evaluation.passed for evaluation in evaluations.values()) and len(evaluations) > 40
    sane = evaluations["landed_batches_are_sane"].metadata
    assert sane["rows looked at"].value == 20
    assert "✓" in str(sane["expectations"].value)
    published = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(["published", "marts"])
    ]
    assert published[0].metadata["batches"].value == 2
    outcome = read_outcome(built_home.path)
    assert outcome is not None and outcome.status == "passed"
    assert build(built_home.path).nothing_new


def test_the_job_publishes_nothing_when_a_law_fails(definitions: dg.Definitions, built_home: Home) -> None:
    before = current_publication(built_home.path)
    built_home.land("second", 300, 20)
    manifest = max((built_home.path / "landing" / "batches").glob("[0-9]*.json"))
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "received": 21, "accepted": 21}))
    with dg.instance_for_test() as instance:
        job = definitions.resolve_job_def("build_and_publish")
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert current_publication(built_home.path) == before
    outcome = read_outcome(built_home.path)
    assert outcome is not None and outcome.status == "failed"


def test_the_sensor_asks_once_for_each_new_set_of_batches(definitions: dg.Definitions, built_home: Home) -> None:
    sensor = definitions.resolve_sensor_def("landing_sensor")
    with dg.instance_for_test() as instance:

        def evaluate(cursor: str | None) -> dg.SensorExecutionData:
            with dg.build_sensor_context(instance, cursor=cursor, definitions=definitions) as context:
                return sensor.evaluate_tick(context)

        published = evaluate(None)
        assert not published.run_requests and published.skip_message == "All that has landed is published."
        built_home.land("second", 300, 5)
        asked = evaluate(published.cursor)
        assert len(asked.run_requests or []) == 1
        assert (asked.run_requests or [])[0].tags["footfall/batches"] == "2"
        again = evaluate(asked.cursor)
        assert not again.run_requests and "No batch has landed" in (again.skip_message or "")
        built_home.land("third", 400, 5)
        assert (evaluate(asked.cursor).run_requests or [])[0].run_key != (asked.run_requests or [])[0].run_key


def test_great_expectations_passes_a_sane_batch_and_names_what_is_wrong_with_another(built_home: Home) -> None:
    batches = landing_batches.batches_to_check(built_home.path)
    outcome = landing_batches.expect_sane(built_home.path, batches)
    assert outcome.passed and outcome.rows == outcome.sampled == 300 and len(outcome.expectations) > 10

    events = landing_batches.sample([str(built_home.path / batch.path) for batch in batches if batch.path])
    events.loc[:4, "event_name"] = None
    events.loc[:4, "is_on_its_day"] = False
    events["user_agent_2"] = "x"
    bad = landing_batches.validate(events, len(events))
    failed = " ".join(bad.failed)
    assert not bad.passed and bad.met == len(bad.expectations) - 3
    assert "`event_name`" in failed and "`is_on_its_day`" in failed and "columns" in failed
    assert bad.as_markdown().splitlines()[2].startswith("| ✗ |")


def test_a_large_batch_is_sampled_and_says_so(built_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_batches, "SAMPLE_ROWS", 50)
    outcome = landing_batches.expect_sane(built_home.path, landing_batches.batches_to_check(built_home.path))
    assert (outcome.rows, outcome.sampled) == (300, 50)


def test_dg_finds_nothing_wrong(built_home: Home) -> None:
    dg_command("check", "defs")
