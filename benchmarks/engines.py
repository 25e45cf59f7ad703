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

from benchmarks.homes import Bench
from benchmarks.measure import REPOSITORY, Figure, StepFailed, run_json
from serving.ask.engines import engine as rendered
from serving.ask.engines import steps

EVENTS = 5_000_000
OTHERS = {"chdb": ("ours / chdb", "<= 1"), "polars": ("polars / ours", ">= 1.5"), "pandas": ("pandas / ours", ">= 3")}
TASKS = {
    "sessions": "sessions",
    "actives": "rolling actives (1, 7 and 30 days)",
    "retention": "weekly first-time retention",
    "recurring_retention": "weekly recurring retention",
    "funnel": "4-step funnel",
}
FUNNEL = ("product_view", "add_to_cart", "checkout_start", "purchase")
WINDOW_US = 7 * 86_400_000_000
DAYS = "(select unnest(generate_series(min(day), max(day), interval 1 day))::date as day from gaps)"


def our_sql() -> dict[str, str]:
    """The statement of each task, rendered from the macros that models and questions use."""
    days = "(select distinct stream_id, event_date as day from events where stream_id is not null)"
    windows = [("dau", 1), ("wau", 7), ("mau", 30)]
    return {
        "sessions": rendered(
            "sessionize", events="events", timeout_seconds=1800, max_length_seconds=None,
            trust_client_sessions=False, bounce_max_seconds=10,
        ),
        "actives": steps(
            gaps=rendered("active_gaps", unit_days=days, unit="stream_id", cap_days=62),
            actives=rendered("rolling_actives", gaps="gaps", days=DAYS, windows=windows, cap_days=62),
            last="select * from actives",
        ),
        "retention": _retention("select unit, min(place) as cohort from returns group by unit"),
        "recurring_retention": _retention("select unit, place as cohort from returns"),
        "funnel": _funnel(),
    }  # fmt: skip


def _retention(starts: str) -> str:
    week = rendered("period_start", day="occurred_at::date", period="week")
    return steps(
        unit_weeks=f"select stream_id as unit, {week} as week, count(*) as events, 0 as amount from events "
        "where stream_id is not null group by all",
        returns="select *, (week - date '1969-12-29') // 7 as place from unit_weeks",
        starts=starts,
        weeks="select distinct place from returns",
        cells="select cohorts.place as cohort, weeks.place - cohorts.place as period, true as is_complete "
        "from weeks as cohorts inner join weeks on weeks.place >= cohorts.place",
        counts=rendered("retention", starts="starts", returns="returns", cells="cells"),
        last="select * from counts",
    )


def _funnel() -> str:
    matches = ", ".join(f"case when event_name = '{name}' then {step} end" for step, name in enumerate(FUNNEL, start=1))
    return steps(
        step_events="select stream_id as unit, epoch_us(occurred_at) as at_us, event_id, true as is_entry, "
        f"null as entry_period, list_filter([{matches}], lambda step: step is not null) as steps "
        f"from events where stream_id is not null and event_name in {FUNNEL}",
        attempts=rendered(
            "funnel", events="step_events", steps=len(FUNNEL), window_us=WINDOW_US,
            selectors=[[name, ""] for name in FUNNEL], has_breakdowns=False,
        ),
        last="select * from attempts",
    )  # fmt: skip


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
