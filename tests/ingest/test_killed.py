"""A load killed at any moment, and run again, neither loses nor repeats anything."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ingest
from ingest.landing.batches import work_folder
from ingest.landing.paths import batches_dir, events_dir, quarantine_dir, work_dir
from tests.ingest.events import batches, event, landed, one, write_ndjson

# The child kills itself, as kill -9 does, just before the n-th step that changes the disk for good.
KILLED_AT_A_STEP = """
import os, signal, sys
from pathlib import Path
import ingest
steps = 0
def counted(step):
    def wrapped(*arguments, **options):
        global steps
        steps += 1
        if steps == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments, **options)
    return wrapped
ingest.ensure_landing(Path(sys.argv[2]))
os.fsync, Path.replace, Path.unlink, Path.mkdir = map(counted, (os.fsync, Path.replace, Path.unlink, Path.mkdir))
ingest.load([sys.argv[1]], Path(sys.argv[2]))
"""
KILLED_FROM_OUTSIDE = (
    "import sys, ingest, pathlib; print(1, flush=True); ingest.load([sys.argv[1]], pathlib.Path(sys.argv[2]))"
)
ROWS = [event(number) for number in range(40)] + ["{", '{"event_name": "ping", "occurred_at": 1735689600}'] * 3


def child(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, cwd=Path.cwd())


def assert_all_is_there_once(home: Path, file: Path) -> None:
    one(file, home)
    assert landed(home, "count(*), count(distinct event_id)") == [(43, 43)]
    # what no manifest names has been cleared away once it is known to be stale
    for folder in work_dir(home).glob("*/"):
        os.utime(folder, (0, 0))
    ingest.load([], home)
    named = {batch.batch_id for batch in batches(home)}
    there = [*events_dir(home).glob("*/*.parquet"), *quarantine_dir(home).glob("*.parquet")]
    assert {path.stem for path in there} - {"schema"} <= named
    assert not list(work_dir(home).iterdir())
    assert {path.stem for path in batches_dir(home).iterdir()} - {"schema"} == named
    for batch in batches(home):
        assert batch.path is None or (home / batch.path).exists()


def test_killed_before_every_step_that_lasts(tmp_path):
    file = write_ndjson(tmp_path / "f.ndjson", ROWS)
    for step in range(1, 100):
        home = tmp_path / f"home{step}"
        process = child(KILLED_AT_A_STEP, str(file), str(home), str(step))
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        assert_all_is_there_once(home, file)
    assert 10 < step < 100


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_over_and_over(tmp_path, seed):
    moments = random.Random(seed)
    file = write_ndjson(tmp_path / "f.ndjson", ROWS)
    home = tmp_path / "home"
    for _ in range(4):
        process = child(KILLED_FROM_OUTSIDE, str(file), str(home))
        assert process.stdout and process.stdout.readline() == b"1\n"
        time.sleep(moments.uniform(0, 0.25))
        process.kill()
        process.communicate()
    assert_all_is_there_once(home, file)


def test_a_load_that_still_runs_is_left_alone(tmp_path):
    import filelock

    home = tmp_path / "home"
    running = work_dir(home) / "20250101T000000_000000_abcdef"
    running.mkdir(parents=True)
    with filelock.FileLock(running / "lock"):
        os.utime(running, (0, 0))
        one(write_ndjson(tmp_path / "f.ndjson", ROWS), home)
        assert running.is_dir()
    one(tmp_path / "f.ndjson", home)
    assert not running.exists()


def test_loads_that_clear_away_at_the_same_time_leave_nothing_and_do_not_fail(tmp_path):
    home = tmp_path / "home"
    ingest.load([], home)
    for _ in range(5):
        for number in range(100):
            left = work_dir(home) / f"killed_{number}"
            left.mkdir()
            (left / "lock").touch()
            os.utime(left, (0, 0))
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: ingest.load([], home), range(4))) == [[]] * 4
        assert not list(work_dir(home).iterdir())


def test_work_that_ends_while_another_load_clears_away_is_no_fault(tmp_path):
    home = tmp_path / "home"
    ingest.load([], home)

    def works(worker: int) -> None:
        for number in range(200):
            with work_folder(home, f"{worker}_{number}") as work:
                (work / "rows").touch()

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(works, worker) for worker in range(2)]
        while not all(work.done() for work in working):
            ingest.load([], home)
    assert [work.exception() for work in working] == [None, None]


def test_a_load_that_fails_before_its_commit_leaves_nothing(tmp_path, monkeypatch):
    home, file = tmp_path / "home", write_ndjson(tmp_path / "f.ndjson", ROWS)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingest.loading.commit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ingest.load([file], home)
    assert {path.stem for path in [*events_dir(home).glob("*/*"), *quarantine_dir(home).iterdir()]} == {"schema"}
    assert_all_is_there_once(home, file)
