"""A build publishes what passed, and only that; it notices when nothing is new; one process at a time writes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from orchestration import build as building
from orchestration import settings as deciding
from orchestration.build import BuildError, NotPassedError
from orchestration.lock import HomeIsBusyError, build_lock
from orchestration.settings import FITS, SettingsError, metric_settings, project_dir, project_fingerprint
from serving import reader
from serving.ask.settings import setting as asked_setting
from serving.publications import current_publication, read_catalog
from tests.orchestration.conftest import Home

FOOTFALL = str(Path(sys.executable).parent / "footfall")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FOOTFALL, *arguments], capture_output=True, text=True, check=False)


def events_published(home: Home) -> int:
    row = reader.connect(home.path).execute("select count(*) from events").fetchone()
    assert row is not None
    return int(row[0])


def test_a_build_publishes_every_event_with_its_person(built_home: Home) -> None:
    marts = reader.connect(built_home.path)
    assert marts.execute("select count(*), count(distinct person_id) from events").fetchone() == (300, 9)
    assert marts.execute("select count(*) from dim_persons").fetchone() == (9,)
    catalog = json.loads((built_home.path / "published" / "catalog.json").read_text())
    assert catalog["inputs"]["batches"]["count"] == 1
    assert catalog["inputs"]["settings"]["session_timeout_seconds"] == 1800
    assert catalog["checks"]["passed"] > 40
    assert catalog["relations"]["fct_sessions"]["rows"] == 300
    outcome = building.read_outcome(built_home.path)
    assert outcome is not None and outcome.status == "passed" and outcome.failures == []


def test_readers_reach_landed_events_without_a_copy_and_without_the_landing(built_home: Home) -> None:
    landed = next((built_home.path / "landing" / "events").glob("*/[1-9]*.parquet"))
    link = next((built_home.path / "published" / "files" / "landing_events").rglob(landed.name))
    reached = json.loads((built_home.path / "published" / "catalog.json").read_text())["relations"]["landing_events"]
    assert str(link.relative_to(built_home.path / "published")) in [file["path"] for file in reached["files"]]
    assert reached["rows"] == 300 and reached["is_internal"] and reached["schema"] == "internal"
    landed.unlink()
    assert events_published(built_home) == 300


def test_a_build_leaves_the_warehouse_open_to_others(built_home: Home) -> None:
    built_home.land("second", 300, 5)
    building.build(built_home.path)
    assert events_published(built_home) == 305
    other = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute('select 1').fetchone())"
    done = subprocess.run(
        [sys.executable, "-c", other, str(built_home.path / "warehouse.duckdb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_nothing_new_is_noticed_without_dbt_and_without_the_warehouse(built_home: Home) -> None:
    shown = current_publication(built_home.path)
    (built_home.path / "warehouse.duckdb").unlink()
    script = """
import sys
from orchestration.cli import app
app(["build"], standalone_mode=False)
print([name for name in ("dbt", "dagster", "pandas", "great_expectations") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Nothing new" in done.stdout and done.stdout.strip().endswith("[]"), done.stdout
    assert current_publication(built_home.path) == shown


def test_a_batch_of_copies_alone_is_nothing_new_and_a_new_event_is(built_home: Home) -> None:
    shown = current_publication(built_home.path)
    built_home.land("again", 0, 300)
    assert building.nothing_new(built_home.path) == shown
    built_home.land("more", 300, 1)
    assert building.nothing_new(built_home.path) is None


def test_a_changed_setting_is_not_nothing_new(built_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert building.nothing_new(built_home.path) is not None
    monkeypatch.setenv("FOOTFALL_SESSION_TIMEOUT_SECONDS", "600")
    assert building.nothing_new(built_home.path) is None


def test_a_publication_of_another_layout_is_not_nothing_new(built_home: Home) -> None:
    catalog = (built_home.path / "published" / "catalog.json").resolve()
    told = json.loads(catalog.read_text())
    del told["layout"]
    catalog.write_text(json.dumps(told))
    assert building.nothing_new(built_home.path) is None
    assert events_published(built_home) == 300


def test_another_engine_is_refused_by_name(built_home: Home) -> None:
    with pytest.raises(BuildError, match="'spark' is not available yet"):
        building.build(built_home.path, engine="spark")


def test_a_failed_law_publishes_nothing_and_says_where_to_look(built_home: Home) -> None:
    shown = current_publication(built_home.path)
    built_home.land("second", 300, 5)
    manifest = max((built_home.path / "landing" / "batches").glob("[0-9]*.json"))
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "received": 6, "accepted": 6}))

    done = run("build")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "nothing was published" in done.stderr
    assert "test assert_every_batch_accounts_for_what_it_received: Got 1 result" in done.stderr
    assert "A failing row is a landing batch" in done.stderr and "--full-refresh" in done.stderr
    # the law that looks from outside fails too, and is told beside it
    told_of_it = done.stderr.split("test assert_every_batch_accounts_for_what_it_received:")[1]
    columns, row = [line.split(" | ") for line in told_of_it.splitlines() if " | " in line][:2]
    assert dict(zip(map(str.strip, columns), map(str.strip, row), strict=True))["batch_id"] == manifest.stem
    compiled = told_of_it.split("compiled SQL: ")[1].splitlines()[0]
    assert "received != accepted" in Path(compiled).read_text()
    log = done.stderr.split("Log: ")[1].splitlines()[0]
    assert "assert_every_batch_accounts_for_what_it_received" in Path(log).read_text()
    assert current_publication(built_home.path) == shown
    assert events_published(built_home) == 300

    done = run("publish")
    assert done.returncode == 1 and "is failed; only one that passed every test is published" in done.stderr


def test_a_setting_that_is_not_legal_is_named(built_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_WEEK_START", "someday")
    with pytest.raises(BuildError, match="Setting 'week_start' is 'someday'; legal values are monday, sunday"):
        building.build(built_home.path)
    monkeypatch.delenv("FOOTFALL_WEEK_START")
    for zone in ("Mars/X", "O'Higgins"):
        monkeypatch.setenv("FOOTFALL_REPORTING_TIMEZONE", zone)
        with pytest.raises(BuildError, match=f"Setting 'reporting_timezone' is '{zone}'; .*, such as Europe/Berlin"):
            building.build(built_home.path)
    monkeypatch.delenv("FOOTFALL_REPORTING_TIMEZONE")
    monkeypatch.setenv("FOOTFALL_KEEP_PUBLICATIONS", "none")
    done = run("build")
    assert done.returncode == 1 and "FOOTFALL_KEEP_PUBLICATIONS is 'none'" in done.stderr


@pytest.mark.parametrize("target", ["ci", "published"])
def test_a_target_without_a_warehouse_file_is_refused(
    target: str, landed_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_TARGET", target)
    with pytest.raises(BuildError, match=f"FOOTFALL_TARGET is '{target}'.* Unset it, or say duckdb"):
        building.build(landed_home.path)
    assert building.read_outcome(landed_home.path) is None


def test_another_project_is_read_for_builds_and_questions_and_a_wrong_one_is_named(
    core_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = shutil.copytree(core_project, tmp_path / "project")
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(project))
    before = project_fingerprint(project_dir())
    told = project / "dbt_project.yml"
    told.write_text(told.read_text().replace("week_start: monday", "week_start: sunday"))
    assert project_fingerprint(project_dir()) != before
    assert metric_settings(project_dir(), Path("nowhere"))["week_start"] == asked_setting("week_start") == "sunday"
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(tmp_path))
    with pytest.raises(SettingsError, match=f"no dbt_project.yml in {tmp_path}"):
        project_dir()


def test_a_changed_fit_is_not_nothing_new(built_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {path.name for path in FITS.glob("*.py")} > {"customer_predictions.py", "forecast.py"}
    changed = shutil.copytree(FITS, tmp_path / "fits", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(deciding, "FITS", changed)
    assert building.nothing_new(built_home.path) is not None
    with (changed / "forecast.py").open("a") as file:
        file.write("# another fit\n")
    assert building.nothing_new(built_home.path) is None


def test_a_home_that_duckdb_would_read_as_a_pattern_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "it's [mine]"))
    done = run("status")
    assert done.returncode == 1 and "FOOTFALL_HOME is" in done.stderr and "holds ' [," in done.stderr
    assert not any(tmp_path.iterdir())


def test_a_warehouse_that_was_changed_since_is_not_published(built_home: Home) -> None:
    before = current_publication(built_home.path)
    assert building.publish(built_home.path) != before
    with duckdb.connect(str(built_home.path / "warehouse.duckdb")) as warehouse:
        warehouse.execute("delete from dim_persons")
    with pytest.raises(NotPassedError, match="was changed after the last build"):
        building.publish(built_home.path)


def test_nothing_built_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(NotPassedError, match="Nothing has been built"):
        building.publish(tmp_path)


def test_after_going_back_the_next_build_goes_forward(built_home: Home) -> None:
    first = current_publication(built_home.path)
    building.publish(built_home.path)
    assert building.roll_back(built_home.path) == first
    assert building.nothing_new(built_home.path) is None
    status = json.loads(run("status", "--json").stdout)
    assert status["last_publish"]["rolled_back_from"] is not None
    report = building.build(built_home.path)
    assert report.publication != first and not report.nothing_new
    listed = run("publish", "--list").stdout
    assert listed.index(report.publication.name) < listed.index("shown to readers") < listed.index(first.name)  # type: ignore[union-attr]
    assert read_catalog(report.publication)["relations"]["events"]["rows"] == 300


def test_a_second_writer_is_told_who_is_at_work(built_home: Home) -> None:
    hold = """
import sys, time
from pathlib import Path
from orchestration.lock import build_lock
with build_lock(Path(sys.argv[1]), "footfall build"):
    print("held", flush=True)
    time.sleep(60)
"""
    arguments = [sys.executable, "-c", hold, str(built_home.path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        try:
            with pytest.raises(HomeIsBusyError, match=rf"`footfall build` \(process {holder.pid}\)"):
                building.publish(built_home.path)
        finally:
            holder.kill()
    with build_lock(built_home.path, "footfall publish"):
        pass


def test_a_build_that_is_interrupted_or_killed_publishes_nothing_and_the_next_one_goes_on(landed_home: Home) -> None:
    for kill, status in ((signal.SIGINT, "interrupted"), (signal.SIGKILL, "running")):
        with subprocess.Popen(
            [FOOTFALL, "build"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as builder:
            while builder.poll() is None and not (landed_home.path / "warehouse.duckdb").exists():
                time.sleep(0.05)
            time.sleep(1.0)
            builder.send_signal(kill)
            _, told = builder.communicate(timeout=60)
        assert builder.returncode == (130 if kill == signal.SIGINT else -kill), told
        assert "Traceback" not in told and ("Stopped. What has landed stays" in told) == (kill == signal.SIGINT)
        outcome = building.read_outcome(landed_home.path)
        assert outcome is not None and outcome.status == status
        with pytest.raises(NotPassedError, match=f"is {status}"):
            building.publish(landed_home.path)
        assert current_publication(landed_home.path) is None
        if kill == signal.SIGINT:
            (landed_home.path / "warehouse.duckdb").unlink()
    building.build(landed_home.path)
    assert events_published(landed_home) == 300
    landed = next((landed_home.path / "landing" / "events").glob("*/[1-9]*.parquet"))
    link = next((landed_home.path / "published" / "files" / "landing_events").rglob(landed.name))
    assert link.samefile(landed)


def ran(home: Home) -> dict[str, bool]:
    """Whether the last build ran each of its nodes."""
    results = json.loads((home.path / "dbt" / "target" / "run_results.json").read_text())["results"]
    nodes = [result for result in results if not result["unique_id"].startswith("operation.")]
    return {node["unique_id"]: not building.is_up_to_date(node) for node in nodes}


def test_a_build_runs_what_can_have_changed_and_explains_it_before(built_home: Home) -> None:
    # the part of the project has a law of metrics that it has not, which dbt leaves out
    nodes = ran(built_home)
    told = {each.node: each for each in building.explain(built_home.path) if each.node in nodes}
    assert told.keys() == nodes.keys()
    assert {(each.what, each.why) for each in told.values()} == {("up to date", ""), ("runs", "it reads files")}
    built_home.land("second", 300, 5)
    stamp = (built_home.path / "warehouse.duckdb").stat().st_mtime_ns
    told = {each.node: each for each in building.explain(built_home.path) if each.node in nodes}
    assert (built_home.path / "warehouse.duckdb").stat().st_mtime_ns == stamp
    report = building.build(built_home.path)
    nodes = ran(built_home)
    assert report.nodes == len(nodes) and report.ran == sum(nodes.values()) < len(nodes) / 2
    assert report.why.keys() == {"batches landed", "what they read changed", "it reads files"}
    assert [node for node, each in told.items() if each.what == "runs" and not nodes[node]] == []
    assert [node for node, each in told.items() if each.what == "up to date" and nodes[node]] == []
    assert told["model.footfall.int_sessions"].why == "batches landed"
    # no money is spent in these events: what looks for it finds none, and what reads it is left alone
    assert nodes["model.footfall.stg_reported_spend"]
    left_alone = {node for node, each in told.items() if each.what == "perhaps" and not nodes[node]}
    assert (
        told["model.footfall.int_channel_spend"].why.startswith("if stg_")
        and "model.footfall.int_channel_spend" in left_alone
    )
    assert not nodes["seed.footfall.plans"]


def test_a_warehouse_that_somebody_changed_is_built_as_if_nothing_were_known(built_home: Home) -> None:
    with duckdb.connect(str(built_home.path / "warehouse.duckdb")) as warehouse:
        warehouse.execute("update fct_app_copies set app = 'nobody'")
    assert {told.why for told in building.explain(built_home.path)} == {"nothing is known of it"}
    built_home.land("second", 300, 5)
    report = building.build(built_home.path)
    assert report.ran == report.nodes
    with duckdb.connect(str(built_home.path / "warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("select distinct app from fct_app_copies").fetchall() == [("shop",)]
