"""Our analyses against other engines on the same Parquet: in-process ClickHouse, polars, pandas.

FOOTFALL_BENCH_PYTHON names a Python that has chdb, polars and pandas, when the one that runs this has them not.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.homes import Bench
from benchmarks.measure import REPOSITORY, Figure, StepFailed, run_json

EVENTS = 5_000_000
OTHERS = {"chdb": ("ours / chdb", "<= 1"), "polars": ("polars / ours", ">= 1.5"), "pandas": ("pandas / ours", ">= 3")}
TASKS = {"sessions": "sessions", "actives": "rolling actives (1, 7 and 30 days)"}
DAYS = "(select unnest(generate_series(min(day), max(day), interval 1 day))::date as day from gaps)"


def our_sql() -> dict[str, str]:
    """The statements of both tasks, rendered from the macros that the models use."""
    folder = REPOSITORY / "macros" / "engines"
    macros = "".join((folder / f"{name}.sql").read_text() for name in ("sessions", "activity"))
    days = "(select distinct stream_id, event_date as day from events where stream_id is not null)"
    windows = "[('dau', 1), ('wau', 7), ('mau', 30)]"
    return {
        "sessions": jinja2.Template(macros + "{{ sessionize('events', 1800, none, false, 10) }}").render(),
        "actives": jinja2.Template(
            macros
            + f"with gaps as materialized ({{{{ active_gaps('{days}', 'stream_id', cap_days=62) }}}}) "
            + f"select * from ({{{{ rolling_actives('gaps', '{DAYS}', {windows}, cap_days=62) }}}})"
        ).render(),
    }


def _files(bench: Bench) -> tuple[Path, int]:
    """A folder with the landed files of the first days, up to EVENTS events, and how many it holds."""
    folder = bench.work / "engine_files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    events = 0
    for file in map(Path, bench.parquet()):
        os.link(file, folder / file.name)
        manifest = bench.dataset() / "landing" / "batches" / f"{file.stem}.json"
        events += json.loads(manifest.read_text())["accepted"]
        if events >= EVENTS:
            break
    return folder, events


def run(bench: Bench) -> Iterator[Figure]:
    """Run each task on each engine in turns; every engine must come to the same check figures."""
    folder, events = _files(bench)
    sql = our_sql()
    python = os.environ.get("FOOTFALL_BENCH_PYTHON", sys.executable)
    script = REPOSITORY / "benchmarks" / "engine_tasks.py"
    for task, words in TASKS.items():
        taken: dict[str, list[dict[str, Any]]] = {}
        missing: set[str] = set()
        for _ in range(bench.rounds):
            for engine in ("footfall", *OTHERS):
                if engine in missing:
                    continue
                command: list[str | Path] = [
                    sys.executable if engine == "footfall" else python,
                    script,
                    engine,
                    task,
                    folder,
                    json.dumps(sql),
                ]
                try:
                    taken.setdefault(engine, []).append(run_json(command))
                except StepFailed as error:
                    if "ModuleNotFoundError" not in str(error):
                        raise
                    missing.add(engine)
                    print(f"  {engine} is not installed: skipped")
        cpu = {name: statistics.median(run["cpu"] for run in runs) for name, runs in taken.items() if runs}
        checks = {name: runs[0]["check"] for name, runs in taken.items() if runs}
        for engine, (what, target) in OTHERS.items():
            if engine not in cpu:
                continue
            ratio = cpu["footfall"] / cpu[engine] if target.startswith("<") else cpu[engine] / cpu["footfall"]
            same = checks[engine] == checks["footfall"]
            detail = {"cpu": cpu, "events": events, "same_result": same, "check": checks}
            claim = f"{words}: {what}" + ("" if same else " (results differ!)")
            yield Figure(claim, ratio, target=target, detail=detail)
    shutil.rmtree(folder)
