"""What people see on the command line: short, quick, and with a mend where something is wrong."""

from __future__ import annotations

import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import click
import duckdb
import pytest
import typer
from filelock import FileLock
from typer.testing import CliRunner

from ingest import load
from ingest.collector.landing import land_leftovers
from ingest.collector.spool import LOCK, spool_dir
from ingest.landing.batches import work_folder
from orchestration.build import Outcome
from orchestration.cli import app
from orchestration.cli.demo import sparkline
from orchestration.cli.dev import prepare_instance
from orchestration.cli.status import describe
from tests.ingest.collector.exchange import exchange, leave_received
from tests.orchestration.conftest import Home

FOOTFALL = str(Path(sys.executable).parent / "footfall")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FOOTFALL, *arguments], capture_output=True, text=True, check=False)


def test_help_and_status_load_nothing_heavy(built_home: Home) -> None:
    script = """
import sys
from orchestration.cli import app
app(sys.argv[1:], standalone_mode=False)
print([name for name in ("dbt", "dagster", "pandas", "great_expectations", "pyarrow") if name in sys.modules])
"""
    for arguments in (["--help"], ["status"]):
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout.strip().splitlines()[-1] == "[]"


def commands(command: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all below it."""
    yield names
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *names, name)


@pytest.mark.parametrize("words", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_every_command_helps(words: tuple[str, ...]) -> None:
    """Also that nothing of a text is taken for markup and lost."""
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    shown = "".join(re.findall(r"\w|[][]", done.output))
    for parameter in command.params:
        text = (getattr(parameter, "help", None) or "").replace("\\[", "[")
        assert "".join(re.findall(r"\w|[][]", text)) in shown, (words, text)


def test_status_counts_every_batch(built_home: Home, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ndjson"
    good = '{"event_id": "n1", "event_name": "signup", "occurred_at": "2024-04-01T00:00:00Z", "user_id": "u1"}\n'
    bad.write_text(good + good + "{not json\n")
    load([bad], built_home.path)
    status = json.loads(run("status", "--json").stdout)
    landing = status["landing"]
    assert (landing["batches"], landing["received"]) == (2, 303)
    assert (landing["accepted"], landing["duplicate"], landing["quarantined"]) == (301, 1, 1)
    assert sum(landing["quarantined_by_reason"].values()) == 1
    assert status["watermarks"]["batches_waiting"] == 1 and not status["watermarks"]["is_up_to_date"]
    assert status["last_build"]["status"] == "passed"
    assert status["freshness"]["newest_event_date"] == "2024-04-01"
    assert status["disk_bytes"]["warehouse"] > 0
    text = run("status").stdout
    assert "1 batches wait for `footfall build`" in text and "passed" in text


def test_status_of_an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "nothing"))
    done = run("status")
    assert done.returncode == 0 and "nothing is published" in done.stdout
    assert json.loads(run("status", "--json").stdout)["landing"]["batches"] == 0
    assert not (tmp_path / "nothing").exists()


def test_an_error_is_one_sentence_and_a_traceback_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    done = run("publish", "--rollback")
    assert done.returncode == 1
    assert done.stderr == "footfall: No kept publication is earlier than nothing. See `footfall publish --list`.\n"
    monkeypatch.setenv("FOOTFALL_DEBUG", "1")
    assert "Traceback" in run("publish", "--rollback").stderr


def test_names_and_messages_of_the_data_are_printed_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "home"))
    source, reason, node = tmp_path / "log[prod]:boom:.ndjson", "[/bad] thing", "test.footfall.[/law]"
    source.write_text('{"event_name": "a", "occurred_at": "2024-04-01", "user_id": "u"}\n')
    mapping = tmp_path / "odd.yml"
    fields = {"event_name": "event_name", "occurred_at": "occurred_at", "problem": {"sql": f"'{reason}'"}}
    mapping.write_text(json.dumps({"source": {"format": "ndjson"}, "events": [fields]}))
    outcome = Outcome("failed", "2024-04-01T00:00:00+00:00", failures=[{"node": node, "message": "got [/1]"}])
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "build.json").write_text(json.dumps(asdict(outcome)))
    loaded = run("load", "--mapping", str(mapping), str(source))
    assert loaded.returncode == 0 and loaded.stdout.count(source.name) == 2 and reason in loaded.stdout, loaded
    for command, texts in {"quarantine list": (source.name, reason), "status": (reason, f"{node}: got [/1]")}.items():
        done = run(*command.split())
        assert done.returncode == 0 and all(text in done.stdout for text in texts), done


def test_a_load_that_is_interrupted_says_what_had_landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "home"))
    line = b'{"event_name": "a", "occurred_at": "2024-04-01", "user_id": "u"}\n'
    short, long = tmp_path / "short.ndjson", tmp_path / "long.ndjson.gz"
    short.write_bytes(line)
    long.write_bytes(gzip.compress(line * 4_000_000, compresslevel=1))
    with subprocess.Popen(
        [FOOTFALL, "load", str(short), str(long)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as loader:
        while loader.poll() is None and not any((tmp_path / "home").glob("landing/batches/[0-9]*.json")):
            time.sleep(0.01)
        time.sleep(0.3)
        loader.send_signal(signal.SIGINT)
        told, stopped = loader.communicate(timeout=60)
    assert loader.returncode == 130, stopped
    assert "short.ndjson" in told and "long.ndjson" not in told
    assert stopped.startswith("\nStopped. What has landed stays")


def test_dev_writes_an_instance_that_phones_nobody_and_runs_one_at_a_time(tmp_path: Path) -> None:
    import yaml

    folder = prepare_instance(tmp_path)
    told = yaml.safe_load((folder / "dagster.yaml").read_text())
    assert told["telemetry"] == {"enabled": False} and told["nux"] == {"enabled": False}
    assert told["concurrency"]["pools"]["default_limit"] == 1
    assert told["concurrency"]["runs"]["max_concurrent_runs"] == 1
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_instance(tmp_path)
    assert (folder / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_a_sparkline_shows_the_shape() -> None:
    assert sparkline([]) == ""
    assert sparkline([0, 0, 0]) == "▁▁▁"
    assert sparkline([0, 4, 8]) == "▁▅█"
    assert sparkline([None, 8]) == "▁█"
    assert sparkline(list(range(100)), width=4) == "▂▄▆█"


def test_status_can_be_asked_for_while_a_load_is_at_work(tmp_path: Path) -> None:
    home = tmp_path / "home"
    load([], home)

    def works() -> None:
        for number in range(3000):
            with work_folder(home, str(number)) as work:
                (work / "rows").write_text("a")

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(works)
        while not working.done():
            assert describe(home)["disk_bytes"]["landing"] > 0
    assert working.exception() is None


def test_status_shows_copies_of_event_ids_that_say_something_else(built_home: Home) -> None:
    assert json.loads(run("status", "--json").stdout)["conflicting_copies"] == []
    marts = (built_home.path / "published" / "marts.duckdb").resolve()
    marts.chmod(0o644)
    with duckdb.connect(str(marts)) as connection:
        connection.execute("update fct_app_copies set conflicting_copies = 30, conflicting_share = 0.1")
    (shown,) = json.loads(run("status", "--json").stdout)["conflicting_copies"]
    assert (shown["conflicting_copies"], shown["conflicting_share"]) == (30, 0.1)
    text = " ".join(run("status").stdout.split())
    assert f"30 copies of event ids of {shown['app']} have other content (10.00%)" in text


def test_status_shows_what_breaks_the_tracking_plan_and_what_nobody_declared(built_home: Home) -> None:
    marts = (built_home.path / "published" / "marts.duckdb").resolve()
    marts.chmod(0o644)
    with duckdb.connect(str(marts)) as connection:
        # the columns are those of the marts: see end_to_end/faults/test_tracking_plan.py
        connection.execute("create table fct_tracked_events as select 'cafe' as app, 'nowhere' as declared_in")
        connection.execute(
            """create table fct_tracked_properties as select 'shop' as app, 'refund' as event_name,
            'total' as property, 2 as missing_events, 1000 as mistyped_events"""
        )
    told = json.loads(run("status", "--json").stdout)
    property_of_refunds = {"app": "shop", "event_name": "refund", "property": "total"}
    assert told["broken_plan"] == [property_of_refunds | {"missing_events": 2, "mistyped_events": 1000}]
    assert told["undeclared_events"] == [{"app": "cafe", "event_names": 1}]
    text = " ".join(run("status").stdout.split())
    assert "refund of shop breaks the tracking plan: total, 2 without and 1,000 unreadable" in text
    assert "1 event names of cafe are declared nowhere" in text


def test_status_shows_what_the_collector_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    nothing = {"events_to_land": 0, "files_to_land": 0, "bytes_to_land": 0}
    assert describe(tmp_path)["collector"] == {"is_receiving": False, "counted": None} | nothing
    exchange(tmp_path, {"path": "/v1/t", "json": {"type": "track", "event": "x"}}, {"path": "/v1/t", "content": b"?"})
    assert describe(tmp_path)["collector"]["counted"]["events"] == [
        {"protocol": "segment", "app": "default", "received": 1}
    ]
    text = " ".join(run("status").stdout.split())
    assert (
        "collector ended" in text
        and "1 events received, 1 requests refused; 0 received events wait to land (0 B)" in text
    )


def test_what_a_killed_server_left_is_told_and_lands_with_the_next_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, file = tmp_path / "home", tmp_path / "f.ndjson"
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    leave_received(home, "m1", "m2", "m3")
    assert describe(home)["collector"]["events_to_land"] == 3
    assert "3 received events wait to land" in (text := " ".join(run("status").stdout.split()))
    assert "`footfall build` lands them" in text
    file.write_text('{"event_name": "x", "occurred_at": "2025-03-01", "user_id": "u"}\n')
    done = run("load", str(file), "--json")
    assert len(done.stdout.splitlines()) == 1 and "Landed 3 events that `footfall serve` had received" in done.stderr
    landing = describe(home)["landing"]
    assert (landing["batches"], landing["accepted"], describe(home)["collector"]["events_to_land"]) == (2, 4, 0)


def test_a_server_that_cannot_begin_says_why_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port))
    why = "Address already in use. Choose another --host or --port."
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"127.0.0.1:{port} cannot be listened on: {why}\n")
    spool_dir(tmp_path).mkdir()
    with FileLock(spool_dir(tmp_path) / LOCK):
        done = run("serve", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Another `footfall serve` receives for {tmp_path}.")


def test_what_a_server_at_work_holds_open_is_its_own(tmp_path: Path) -> None:
    leave_received(tmp_path, "m1", "m2")
    with FileLock(spool_dir(tmp_path) / LOCK):
        assert land_leftovers(tmp_path) == [] and describe(tmp_path)["collector"]["is_receiving"]
    assert [receipt.accepted for receipt in land_leftovers(tmp_path)] == [2]
