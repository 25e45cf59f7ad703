"""Settings: every name is known or refused, a home keeps what was said once, and a reader is told by which it reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from ingest.settings import LoadSettings
from orchestration.build import NotPassedError, build, current_inputs, publish
from orchestration.cli.status import describe
from orchestration.config import forget, keep
from orchestration.settings import (
    FROM_HOME,
    KEPT_FILE,
    SettingsError,
    UnknownSettingError,
    home,
    kept_names,
    project_dir,
    settings,
    settings_in_force,
)
from serving.publications import HomeMovedError, read_catalog
from serving.reader import connect
from tests.end_to_end.dbt_project import REPOSITORY, run_dbt
from tests.orchestration.conftest import Home

FOOTFALL = str(Path(sys.executable).parent / "footfall")
QUESTION = '{"kind": "active_users", "app": "shop", "date_from": "2024-03-02", "date_to": "2024-03-02"}'


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    return subprocess.run([FOOTFALL, *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("command", ["status", "build", "load nowhere.ndjson", "ask {}", "publish", "config list"])
def test_every_command_refuses_a_variable_that_nothing_reads(command: str, tmp_path: Path) -> None:
    done = run(*command.split(), FOOTFALL_HOME=str(tmp_path), FOOTFALL_REPORTING_TIMEZON="Europe/Berlin")
    assert done.returncode == 2
    assert "FOOTFALL_REPORTING_TIMEZON is set, and nothing reads it" in done.stderr
    assert "Did you mean FOOTFALL_REPORTING_TIMEZONE?" in done.stderr


@pytest.mark.parametrize("variable", ["FOOTFALL_WEEKSTART", "footfall_week_start", "FOOTFALL_MEMORY", "FOOTFALL_"])
def test_a_variable_is_known_as_it_is_read(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "x")
    with pytest.raises(UnknownSettingError, match=f"^{variable} is set"):
        settings()


def test_every_variable_that_is_read_is_legal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*kept_names(REPOSITORY), "target", "debug", "events_per_gib", "preserve_order", "property_seed"):
        value = {"keep_publications": "5"}.get(name, "x")
        monkeypatch.setenv(f"FOOTFALL_{name.upper()}", value)
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    assert settings().home == tmp_path


def test_a_variable_of_a_var_that_the_project_adds_is_legal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dbt_project.yml").write_text("vars: {our_own: 1}\n")
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("FOOTFALL_OUR_OWN", "2")
    assert settings_in_force(tmp_path, tmp_path)["our_own"].value == 2
    assert project_dir() == tmp_path


def test_plain_dbt_refuses_a_variable_that_nothing_reads(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="FOOTFALL_MAU_DAY is set, and nothing reads it"):
        run_dbt(tmp_path / "home", "run", "--select", "dim_dates", settings={"FOOTFALL_MAU_DAY": "28"})


def test_the_environment_comes_before_the_home_and_the_home_before_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(name: str) -> tuple[object, str]:
        one = settings_in_force(tmp_path, project_dir())[name]
        return one.value, one.source

    assert found("mau_days") == (30, "project") and found("keep_publications") == (5, "default")
    keep(tmp_path, "FOOTFALL_MAU_DAYS", "28")
    keep(tmp_path, "keep-publications", "3")
    keep(tmp_path, "session_max_hours", "null")
    assert found("mau_days") == (28, "home") and found("keep_publications") == (3, "home")
    monkeypatch.setenv("FOOTFALL_MAU_DAYS", "29")
    assert found("mau_days") == (29, "environment")
    monkeypatch.setenv("FOOTFALL_MAU_DAYS", "")
    assert found("mau_days") == (28, "home")
    assert forget(tmp_path, "mau_days") == "mau_days"
    assert found("mau_days") == (30, "project")
    with pytest.raises(SettingsError, match=r"mau_days is not kept"):
        forget(tmp_path, "mau_days")


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("week_start", "someday", "legal values are monday, sunday"),
        ("reporting_timezone", "Europe/Berln", "a time zone of IANA"),
        ("mau_days", "2.5", "a whole number above 0"),
        ("session_max_hours", "-1", "a number above 0"),
        ("segment_at_risk_days", "3", "above segment_active_days, 14"),
        ("segment_power_days", "31", "more days than segment_power_window_days has, 30"),
        ("segment_new_days", "true", "a whole number of days above 0"),
        ("audience_loyal_days", "2", "above 'audience_regular_days'"),
        ("trust_client_sessions", "1", "legal values are True, False"),
        ("max_unplanned_share", "1.5", "a number from 0 to 1"),
        ("gross_margin", "null", "a number above 0"),
        ("reporting_currency", "usd", "a code of ISO 4217"),
        ("keep_publications", "0", "greater than or equal to 1"),
        ("memory_limit", "lots", "Memory"),
        ("max_future_hours", "-1", "a number of hours from 0"),
        ("week_strt", "monday", "Did you mean week_start"),
        ("home", "/x", "Set FOOTFALL_HOME instead"),
        ("week_start", "", "config unset week_start"),
    ],
)
def test_what_a_build_or_a_load_would_refuse_is_not_kept(name: str, value: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=fault):
        keep(tmp_path, name, value)
    assert not (tmp_path / KEPT_FILE).exists()


def test_every_setting_may_be_kept_as_it_is(tmp_path: Path) -> None:
    for name, one in settings_in_force(tmp_path, project_dir()).items():
        if one.value not in (None, "") and not isinstance(one.value, list | dict):
            assert keep(tmp_path, name, str(one.value)) == name
    assert not any(one.source == "project" and one.value for one in settings_in_force(tmp_path, project_dir()).values())


@pytest.mark.parametrize("text", ["[1]", "week_start: 1", "week_strt: monday", "a: b: c", "week_start: ''"])
def test_a_file_that_is_damaged_is_named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / KEPT_FILE).write_text(text)
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    done = run("status")
    assert done.returncode in (1, 2) and KEPT_FILE in done.stderr and "Traceback" not in done.stderr


def test_the_settings_of_one_home_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "one"))
    monkeypatch.delenv("FOOTFALL_WEEK_START", raising=False)
    monkeypatch.setenv(FROM_HOME, "")
    keep(tmp_path / "one", "week_start", "sunday")
    keep(tmp_path / "one", "max_future_hours", "48")
    home()
    assert os.environ["FOOTFALL_WEEK_START"] == "sunday" and LoadSettings().max_future_hours == 48
    # a child process, or the next command, does not take for said what the home had said
    keep(tmp_path / "one", "week_start", "monday")
    assert settings_in_force(tmp_path / "one", project_dir())["week_start"].source == "home"
    home()
    assert os.environ["FOOTFALL_WEEK_START"] == "monday"
    home(tmp_path / "two")
    assert "FOOTFALL_WEEK_START" not in os.environ and LoadSettings().max_future_hours == 24


def test_what_a_home_keeps_is_what_builds_questions_and_plain_dbt_use(built_home: Home, core_project: Path) -> None:
    assert run("ask", QUESTION).stdout.splitlines()[-1] == "as of 2024-03-13T11:00:00 UTC"
    done = run("config", "set", "reporting_timezone", "Asia/Tokyo")
    assert done.returncode == 0, done.stderr
    waiting = describe(built_home.path)
    changed = {"name": "reporting_timezone", "before": "UTC", "now": "Asia/Tokyo", "source": "home"}
    assert waiting["changed_settings"] == [changed] and not waiting["watermarks"]["is_up_to_date"]
    assert "reporting_timezone was UTC and is now Asia/Tokyo, by the home" in run("status").stdout

    # what is published still is by the day of UTC, and says so
    answer = run("ask", QUESTION, "--output", "json")
    assert answer.stderr.count("reporting_timezone was UTC and is now Asia/Tokyo") == 1
    assert json.loads(answer.stdout)["timezone"] == "UTC"

    run_dbt(built_home.path, "run", "--select", "int_app_days", project=core_project)
    with duckdb.connect(str(built_home.path / "warehouse.duckdb"), read_only=True) as warehouse:
        (days,) = warehouse.execute(
            "select count(*) from int_app_days where activity_date > event_date"
        ).fetchone() or (0,)
    assert days == 12

    report = build(built_home.path)
    assert report.changed_settings == (changed,)
    assert read_catalog(report.publication)["inputs"]["settings"]["reporting_timezone"] == "Asia/Tokyo"
    assert build(built_home.path).nothing_new and describe(built_home.path)["changed_settings"] == []
    answer = run("ask", QUESTION)
    assert answer.stdout.splitlines()[-1] == "as of 2024-03-13T20:00:00 Asia/Tokyo" and not answer.stderr
    in_paris = run("ask", QUESTION.replace("{", '{"timezone": "Europe/Paris", ', 1))
    assert in_paris.stdout.splitlines()[-1] == "as of 2024-03-13T12:00:00 Europe/Paris" and not in_paris.stderr

    # a shell of its own does not change what is published either
    answer = run("ask", QUESTION, FOOTFALL_REPORTING_TIMEZONE="UTC")
    assert answer.stdout.splitlines()[-1] == "as of 2024-03-13T20:00:00 Asia/Tokyo"
    assert "reporting_timezone was Asia/Tokyo and is now UTC, by the environment" in answer.stderr


def test_a_home_that_moved_says_so_and_a_build_heals_it(
    built_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(built_home.path, moved, symlinks=True, copy_function=shutil.copy2)
    monkeypatch.setenv("FOOTFALL_HOME", str(moved))
    for command in (("ask", QUESTION), ("ask", QUESTION, "--home", str(moved))):
        done = run(*command)
        assert done.returncode == 2 and "Run `footfall build` here" in done.stderr, done
        assert str(moved) in done.stderr and str(built_home.path) in done.stderr
    with pytest.raises(HomeMovedError):
        connect(moved)
    with pytest.raises(NotPassedError, match=r"now lies in .* Run `footfall build`"):
        publish(moved)
    assert describe(moved)["moved_from"] == str(built_home.path)
    assert "moved from" in " ".join(run("status").stdout.split())
    link = tmp_path / "link"
    link.symlink_to(built_home.path)
    assert run("ask", QUESTION, "--home", str(link)).returncode == 0
    build(moved)
    assert run("ask", QUESTION).returncode == 0 and describe(moved)["moved_from"] is None
    assert read_catalog((moved / "published" / "current").resolve())["inputs"] == current_inputs(moved)
