"""Dagster's definitions load, name no model, and a run of the job builds and publishes for real."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from forwarding.forwarder import forwarders
from orchestration.build import BuildError, build, finish_outcome, read_outcome, start_outcome
from orchestration.checks import landing_batches
from serving import reader
from serving.publications import current_publication
from tests.end_to_end.dbt_project import REPOSITORY, environment
from tests.forwarding.test_forwarding import land
from tests.forwarding.vendor import vendor
from tests.ingest.collector.exchange import exchange, leave_received
from tests.orchestration.conftest import Home

FORWARDED = dg.AssetKey(["forwarded", "events"])


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
    assert groups["landing"] == groups["forwarded"] == {"events"} and groups["published"] == {"marts"}
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
    made = {event.asset_key: event.materialization for event in result.get_asset_materialization_events()}
    assert made[dg.AssetKey(["published", "marts"])].metadata["batches"].value == 2
    # what was up to date is neither missing nor made anew, and says so
    assert made.keys() >= set(definitions.resolve_asset_graph().get_all_asset_keys()) - {FORWARDED}
    statuses = {name: made[dg.AssetKey(name)].metadata["status"].value for name in ("int_sessions", "plans")}
    assert statuses == {"int_sessions": "success", "plans": "no-op"}
    outcome = read_outcome(built_home.path)
    assert outcome is not None and outcome.status == "passed"
    assert build(built_home.path).nothing_new


def test_landing_shows_what_the_collector_received_refused_and_landed(
    definitions: dg.Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, landing = tmp_path / "home", dg.AssetKey(["landing", "events"])
    monkeypatch.setenv("FOOTFALL_HOME", str(home))

    def shown() -> dict[str, Any]:
        with dg.instance_for_test() as instance:
            asset = definitions.resolve_asset_graph().get(landing).assets_def
            (event,) = dg.materialize([asset], instance=instance).asset_materializations_for_node("landing__events")
        return {name: entry.value for name, entry in event.metadata.items() if name.startswith("collector")}

    home.mkdir()
    assert shown() == {}, "a home that only files are loaded into has no collector"
    events = [{"event": "x", "properties": {"distinct_id": "u", "time": 1714979289}}, {"event": None}]
    exchange(home, {"path": "/track", "json": events}, {"path": "/v1/t", "content": b"no json"})
    leave_received(home, "m1", "m2")  # which lands now, because no server is at work
    told = shown()
    table = [line.strip("| ").split(" | ") for line in told.pop("collector protocols").splitlines()[2:]]
    assert table == [["mixpanel", "2", "0", "2", "1", "0", "1"], ["segment", "0", "1", "2", "2", "0", "0"]]
    assert told.pop("collector").startswith("ended at 20")
    assert told == {
        "collector received": 2,
        "collector refused": 1,
        "collector waiting events": 0,
        "collector waiting files": 0,
        "collector waiting bytes": 0,
        "collector fault": "none",
    }


def test_the_job_publishes_nothing_when_a_law_fails_and_says_what_and_why(
    definitions: dg.Definitions, built_home: Home
) -> None:
    before = current_publication(built_home.path)
    break_a_law(built_home)
    with dg.instance_for_test() as instance:
        job = definitions.resolve_job_def("build_and_publish")
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert current_publication(built_home.path) == before
    outcome = read_outcome(built_home.path)
    assert outcome is not None and outcome.status == "failed" and outcome.by.startswith("Dagster run ")

    failure = next(event for event in result.all_events if event.is_step_failure)
    said = failure.step_failure_data.user_failure_data
    assert said is not None and LAW in str(said.description)
    assert str(said.metadata["what a failing row means"].value).startswith("A failing row is a landing batch")
    assert "--full-refresh" in str(said.metadata["mend"].value) and "first failing rows" in said.metadata
    assert Path(str(said.metadata["query of all of them"].value)).exists()
    assert "\x1b" not in str(failure.step_failure_data)


LAW = "assert_every_batch_accounts_for_what_it_received"


def break_a_law(home: Home) -> Path:
    """Land a batch whose manifest says one row more than it has; return the manifest."""
    home.land("second", 300, 20)
    manifest = max((home.path / "landing" / "batches").glob("[0-9]*.json"))
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "received": 21, "accepted": 21}))
    return manifest


Evaluate = Callable[[str, str | None], Any]


@pytest.fixture
def evaluate(definitions: dg.Definitions, built_home: Home) -> Iterator[Evaluate]:
    with dg.instance_for_test() as instance:

        def tick(name: str, cursor: str | None) -> Any:
            sensor = definitions.resolve_sensor_def(name)
            with dg.build_sensor_context(instance, cursor=cursor, definitions=definitions) as context:
                told = sensor.evaluate_tick(context)
            for event in told.asset_events:
                instance.report_runless_asset_event(event)
            return told

        yield tick


def test_the_sensor_asks_once_for_each_new_set_of_batches(evaluate: Evaluate, built_home: Home) -> None:
    published = evaluate("landing_sensor", None)
    assert not published.run_requests and published.skip_message == "All that has landed is published."
    built_home.land("second", 300, 5)
    asked = evaluate("landing_sensor", published.cursor)
    assert len(asked.run_requests or []) == 1
    assert (asked.run_requests or [])[0].tags["footfall/batches"] == "2"
    again = evaluate("landing_sensor", asked.cursor)
    assert not again.run_requests and "tried again, for the 2. time" in (again.skip_message or "")
    leave_received(built_home.path, "m1")  # which is no batch before it has landed
    assert (evaluate("landing_sensor", asked.cursor).run_requests or [])[0].tags["footfall/batches"] == "3"


def test_after_a_failed_build_the_sensor_waits_longer_each_time_and_asks_at_once_when_the_cause_is_mended(
    evaluate: Evaluate, built_home: Home, core_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_a_law(built_home)
    with pytest.raises(BuildError):
        build(built_home.path)
    ended = read_outcome(built_home.path)
    assert ended is not None and ended.finished_at is not None
    now, cursor, waits = datetime.fromisoformat(ended.finished_at).timestamp(), None, []
    monkeypatch.setattr(time, "time", lambda: now)
    for _ in range(6):
        waiting = evaluate("landing_sensor", cursor)
        assert not waiting.run_requests and waiting.skip_message is not None
        assert f"The last build failed of {LAW}: Got 1 result" in waiting.skip_message
        said = waiting.skip_message.split(" time, at ")[1].split(" UTC")[0]
        waits.append(round((datetime.fromisoformat(f"{said}+00:00").timestamp() - now) / 60))
        now = datetime.fromisoformat(f"{said}+00:00").timestamp() + 60
        asked = evaluate("landing_sensor", waiting.cursor)
        assert len(asked.run_requests or []) == 1
        cursor = asked.cursor
    assert [abs(wait - wanted) <= 1 for wait, wanted in zip(waits, [5, 15, 60, 240, 240, 240], strict=True)] == [
        True
    ] * 6

    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(shutil.copytree(core_project, tmp_path / "mended")))
    seed = tmp_path / "mended" / "seeds" / "event_catalog.csv"
    assert not evaluate("landing_sensor", cursor).run_requests
    seed.write_text(seed.read_text() + "\n")
    mended = evaluate("landing_sensor", cursor)
    assert [request.tags["footfall/try"] for request in mended.run_requests or []] == ["1"]


def test_what_the_command_line_did_is_shown_once_with_rows_and_checks(evaluate: Evaluate, built_home: Home) -> None:
    told = evaluate("command_line_sensor", None)
    made = {event.asset_key: event for event in told.asset_events if isinstance(event, dg.AssetMaterialization)}
    checks = [event for event in told.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
    assert made[dg.AssetKey("fct_sessions")].metadata["dagster/row_count"].value == 300
    assert made[dg.AssetKey(["landing", "events"])].metadata["batches"].value == 1
    publication = current_publication(built_home.path)
    assert publication is not None
    assert made[dg.AssetKey(["published", "marts"])].metadata["publication"].value == publication.name
    assert len(checks) > 40 and all(check.passed for check in checks)
    again = evaluate("command_line_sensor", told.cursor)
    assert not again.asset_events and again.skip_message == "Nothing new."

    break_a_law(built_home)
    with pytest.raises(BuildError):
        build(built_home.path)
    failed = evaluate("command_line_sensor", told.cursor).asset_events
    # the law that failed reads no model, so all of them were built; none was published
    told_again = {event.asset_key: event for event in failed if not isinstance(event, dg.AssetCheckEvaluation)}
    assert isinstance(told_again[dg.AssetKey("int_sessions")], dg.AssetMaterialization)
    # a view that stands as it stood, and a seed, are observed to be up to date
    for name in ("fct_sessions", "plans"):
        event = told_again[dg.AssetKey(name)]
        assert isinstance(event, dg.AssetObservation) and event.metadata["up to date"].value is True
    assert "dagster/row_count" not in told_again[dg.AssetKey("fct_sessions")].metadata
    assert told_again[dg.AssetKey(["landing", "events"])].metadata["batches"].value == 2
    assert dg.AssetKey(["published", "marts"]) not in told_again


def test_a_run_of_dagster_is_not_told_a_second_time(
    definitions: dg.Definitions, evaluate: Evaluate, built_home: Home
) -> None:
    told = evaluate("command_line_sensor", None)
    outcome = start_outcome(built_home.path, "Dagster run 1")
    finish_outcome(built_home.path, outcome, [])
    assert not evaluate("command_line_sensor", told.cursor).asset_events


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


def test_what_landed_is_sent_on_where_there_is_a_key_and_what_was_left_is_told_and_tried_again(
    definitions: dg.Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.defs import forwarded

    home, job = tmp_path / "home", definitions.resolve_job_def("forward")
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    land(home, range(3))
    with vendor((401, {}, {"error": "no such key"})) as to, dg.instance_for_test() as instance:

        def tick(name: str) -> Any:
            sensor = definitions.resolve_sensor_def(name)
            with dg.build_sensor_context(instance, definitions=definitions) as context:
                return sensor.evaluate_tick(context)

        def asked() -> str:
            told = tick("forwarding_sensor")
            assert bool(told.run_requests) != bool(told.skip_message)
            return told.skip_message or "asked"

        assert "No destination has a key" in asked() and not (home / "forwarding").exists()
        monkeypatch.setenv("FOOTFALL_AMPLITUDE_API_KEY", "k")
        monkeypatch.setenv("FOOTFALL_AMPLITUDE_URL", to.url("/2/httpapi"))
        assert asked() == "asked"
        failed = job.execute_in_process(instance=instance, raise_on_error=False)
        (step,) = (event for event in failed.all_events if event.is_step_failure)
        said = step.step_failure_data.user_failure_data
        assert said is not None and "no such key" in str(said.description)
        assert said.metadata["waiting"].value == 3
        assert "tried again" in asked()
        monkeypatch.setattr(forwarded, "AGAIN_AFTER", timedelta(0))
        assert asked() == "asked"

        (event,) = job.execute_in_process(instance=instance).asset_materializations_for_node("forwarded__events")
        told = {name: entry.value for name, entry in event.metadata.items()}
        assert event.asset_key == FORWARDED and "| amplitude | 3 | 0 | 0 |" in str(told["destinations"])
        assert (told["sent"], told["dead letters"], told["waiting"]) == (3, 0, 0)
        assert asked() == "All that has landed is sent on."
        # told once by its own run, and not again by who looks after the command line
        assert FORWARDED not in {event.asset_key for event in tick("command_line_sensor").asset_events}
        monkeypatch.setattr("forwarding.forwarder.now", lambda: "2100-01-01T00:00:00+00:00")
        land(home, range(3, 5))
        forwarders(home)["amplitude"].forward()
        (by_hand,) = (event for event in tick("command_line_sensor").asset_events if event.asset_key == FORWARDED)
        assert by_hand.metadata["sent"].value == 5
