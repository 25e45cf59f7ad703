"""What a server lets this room do for its readers: long work in processes of its own, and definitions in the seeds.

A run is a file in the home, `runs/<id>.json`, which the process that does the work writes as it goes on, with its log
beside it; so a server that starts anew still tells of it. To add a kind of work, add a function to `WORKS`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from orchestration.lock import HomeIsBusyError, build_lock, who_builds
from orchestration.settings import project_dir, settings_in_force
from serving.server import CannotStart, Run

# how many runs a home keeps
KEPT = 200
# how long what is gathered of persons waits for whoever asked for it
EXPORTS_KEPT_SECONDS = 7 * 24 * 3600
Progress = Callable[[int, int, str], None]
# what came of it in words, and what it leaves
Outcome = tuple[str, dict[str, Any]]


def _build(home: Path, options: Mapping[str, Any], progress: Progress) -> Outcome:
    from orchestration.build import build

    report = build(home, full_refresh=bool(options.get("full_refresh")), progress=progress)
    publication = report.publication.name
    result = {"publication": publication, "nothing_new": report.nothing_new, "warnings": list(report.warnings)}
    if report.nothing_new:
        return f"Publication {publication} is already built from all that has landed.", result
    return f"Built and tested {report.ran} of {report.nodes} nodes, published {publication}.", result


def _export(home: Path, options: Mapping[str, Any], progress: Progress) -> Outcome:
    from orchestration.disclosure import disclose
    from orchestration.erasure import EXPORTS

    progress(0, 1, "gathering")
    folder = home / EXPORTS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > EXPORTS_KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    name = secrets.token_hex(16)
    told = disclose(home, options["user_ids"], options["anonymous_ids"], folder / name)
    result = {"folder": f"{EXPORTS}/{name}", "rows": told.rows, "waiting": told.waiting, "unbuilt": told.unbuilt}
    return f"Gathered {sum(told.rows.values())} rows of {len(told.rows)} tables.", result


def _erase(home: Path, options: Mapping[str, Any], progress: Progress) -> Outcome:
    from orchestration.build import build
    from orchestration.erasure import erase

    receipt = erase(home, options["user_ids"], options["anonymous_ids"], partial(build, progress=progress))
    # written down first: what fails from here on is a build, and the next one finishes it
    progress(0, 1, f"erased, receipt {receipt.id}")
    publication = build(home, progress=progress).publication.name
    result = {"publication": publication, "receipt": asdict(receipt)}
    return f"Erased {sum(receipt.rows.values())} rows, published {publication} without them.", result


# kinds of work: a function of the home, the options of whoever started it, and what to tell progress
WORKS: dict[str, Callable[[Path, Mapping[str, Any], Progress], Outcome]] = {
    "build": _build,
    "export": _export,
    "erase": _erase,
}
OF_PERSONS = {"export", "erase"}


class Workshop:
    """Starts and knows the runs of one home; `serving.server.Backstage`."""

    def __init__(self, home: Path) -> None:
        self._home, self._folder = home, home / "runs"
        self._starting = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, kind: str, options: Mapping[str, Any]) -> Run:
        """Start a work of a kind in a process of its own, or return the build that is at it already.

        Raises:
            CannotStart: when somebody else builds or publishes in this home, or another person is exported or erased.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._starting, FileLock(self._folder / ".starting.lock"):
            for run in self._newest():
                if run.status != "running":
                    continue
                if run.kind == kind == "build":
                    return run
                # what is gathered of somebody while they are forgotten would outlast them
                if {run.kind, kind} <= OF_PERSONS:
                    raise CannotStart(f"Another person's {run.kind} is at it, {run.id}. Start this when it has ended.")
            if busy := who_builds(self._home):
                raise CannotStart(f"The home is busy: {busy}. Wait until it ends, and start this again.")
            return self._start(kind, options)

    def run(self, run_id: str) -> Run | None:
        """The run of this id, or None."""
        if not run_id.replace("_", "").isalnum():
            return None
        try:
            run = Run(**json.loads(_file(self._home, run_id).read_text()))
        except OSError:
            return None
        if run.status == "running" and not self._is_at_work(run_id):
            # what it wrote last may be newer than what was read
            run = Run(**json.loads(_file(self._home, run_id).read_text()))
            if run.status == "running":
                log = _file(self._home, run_id).with_suffix(".log")
                return replace(run, status="failed", message=f"Its process ended without a word; its log is {log}.")
        return run

    def settings(self) -> dict[str, Any]:
        """Every setting in force: its value and where it comes from."""
        found = settings_in_force(self._home, project_dir())
        return {name: asdict(each) for name, each in found.items()}

    def define_experiment(self, definition: Any) -> tuple[Any, bool]:
        """Write a definition into the seeds; return it, and whether its key is new.

        Raises:
            ExperimentError: when it is not defined well, or would assign its units anew.
            CannotStart: when a build reads the seeds.
        """
        from ingest.experiments import checked, define

        experiment = checked(definition)
        try:
            with build_lock(self._home, "POST /analytics/ab-tests"):
                return experiment, define(experiment, project=project_dir())
        except HomeIsBusyError as busy:
            raise CannotStart(str(busy)) from None

    def _start(self, kind: str, options: Mapping[str, Any]) -> Run:
        self._prune()
        run = Run(f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(3)}", kind, "running", _now())
        _write(self._home, run)
        with _file(self._home, run.id).with_suffix(".log").open("wb") as log:
            # of a session of its own: Ctrl-C that ends the server does not end it
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestration.backstage", str(self._home), run.id],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        # not as an argument, which everybody on this machine may read: it may say who is to be forgotten
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(options).encode())
        self._processes[run.id] = process
        return run

    def _is_at_work(self, run_id: str) -> bool:
        process = self._processes.get(run_id)
        if process is not None:
            return process.poll() is None
        lock = FileLock(_file(self._home, run_id).with_suffix(".lock"))
        try:
            with lock.acquire(timeout=0):
                return False
        except Timeout:
            return True

    def _newest(self) -> list[Run]:
        found = [self.run(path.stem) for path in sorted(self._folder.glob("*.json"), reverse=True)]
        return [run for run in found if run is not None]

    def _prune(self) -> None:
        for path in sorted(self._folder.glob("*.json"), reverse=True)[KEPT:]:
            for each in self._folder.glob(f"{path.stem}.*"):
                each.unlink(missing_ok=True)


def work(home: Path, run_id: str, options: Mapping[str, Any]) -> int:
    """Do the work of a run and write down how it goes; return the exit code."""
    run = Run(**json.loads(_file(home, run_id).read_text()))

    def tell(**changes: Any) -> None:
        nonlocal run
        run = replace(run, **changes)
        _write(home, run)

    def progress(finished: int, total: int, step: str) -> None:
        tell(finished=finished, total=total, step=step)

    with FileLock(_file(home, run_id).with_suffix(".lock")):
        try:
            message, result = WORKS[run.kind](home, options, progress)
        except BaseException as error:
            tell(status="failed", message=str(error) or type(error).__name__, ended_at=_now())
            raise
        tell(status="succeeded", message=message, result=result, ended_at=_now())
    return 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _file(home: Path, run_id: str) -> Path:
    return home / "runs" / f"{run_id}.json"


def _write(home: Path, run: Run) -> None:
    path = _file(home, run.id)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(json.dumps(asdict(run)))
    fresh.replace(path)


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1]), sys.argv[2], json.load(sys.stdin)))
