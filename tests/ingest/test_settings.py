"""Settings of a load: an illegal one is one line that names it, and an empty one is the default."""

import subprocess
import sys

import pytest

from ingest.collector.settings import CollectorSettings
from ingest.settings import LEAST_MEMORY_MB, LEGAL, IllegalSetting, LoadSettings
from tests.ingest.events import event, one, write_ndjson


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_future_hours", value) for value in ("inf", "nan", "1e30", "-1", "a day")),
        *(("load_memory_limit", value) for value in ("banana", "2", "0GB", "-2GB", "199MB", "80%", "9999999999GB")),
        ("max_line_bytes", "1e9"),
        ("key_sample_lines", "0"),
        *(("id_sentinels", value) for value in (",", "null,,none", " ")),
        ("plan_violations", "drop"),
    ],
)
def test_an_illegal_setting_is_named_with_what_is_legal(name, value, monkeypatch):
    monkeypatch.setenv(f"FOOTFALL_{name.upper()}", value)
    with pytest.raises(IllegalSetting) as told:
        LoadSettings()
    assert str(told.value) == f"FOOTFALL_{name.upper()} is {value!r}; legal is {LEGAL[name]}. Change or unset it."


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", "0"), ("flush_interval_seconds", "inf"), ("body_timeout_seconds", "0"), ("max_body_bytes", "10MB")],
)
def test_an_illegal_setting_of_the_collector_is_named_likewise(name, value, monkeypatch):
    monkeypatch.setenv(f"FOOTFALL_{name.upper()}", value)
    with pytest.raises(IllegalSetting, match=f"FOOTFALL_{name.upper()} is '{value}'; legal is a"):
        CollectorSettings()


def test_each_setting_says_what_is_legal():
    for settings in (LoadSettings, CollectorSettings):
        assert set(settings.legal) == set(settings.model_fields)


def test_the_command_says_it_in_one_line(tmp_path):
    file = write_ndjson(tmp_path / "f.ndjson", [event(1)])
    env = {"FOOTFALL_HOME": str(tmp_path / "home"), "PATH": "", "FOOTFALL_LOAD_MEMORY_LIMIT": "banana"}
    code = "from orchestration.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "load", str(file)], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("footfall: FOOTFALL_LOAD_MEMORY_LIMIT is 'banana'; legal is an amount of memory")


def test_an_empty_setting_is_the_default(monkeypatch):
    default = LoadSettings()
    for name in LoadSettings.model_fields:
        monkeypatch.setenv(f"FOOTFALL_{name.upper()}", "")
    assert LoadSettings() == default


@pytest.mark.parametrize(("hours", "limit"), [("0", f"{LEAST_MEMORY_MB}MB"), ("1000000", "1.5 gib")])
def test_what_is_legal_loads(hours, limit, tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTFALL_MAX_FUTURE_HOURS", hours)
    monkeypatch.setenv("FOOTFALL_LOAD_MEMORY_LIMIT", limit)
    assert one(write_ndjson(tmp_path / "f.ndjson", [event(1)]), tmp_path / "home").accepted == 1
