"""How the benchmarks measure: processor time of child processes, interleaved, as ratios with their targets."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
FOOTFALL = Path(sys.executable).with_name("footfall")


class StepFailed(Exception):
    """A measured command did not succeed, so it has no time."""


@dataclass(frozen=True)
class Usage:
    """What a child process, with all it waited for, took: seconds, and the peak resident memory in bytes."""

    cpu: float
    wall: float
    peak_bytes: int
    output: str


@dataclass(frozen=True)
class Figure:
    """One measured claim.

    Attributes:
        claim: what is measured, in words.
        value: the measured ratio, seconds or bytes.
        unit: `x` for a ratio, else `s` or `GiB`.
        target: `<= 5`, `>= 3`, or empty where nothing was promised.
        detail: everything else worth keeping.
    """

    claim: str
    value: float
    unit: str = "x"
    target: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Whether the value keeps its target; None where there is none."""
        if not self.target:
            return None
        sign, bound = self.target.split()
        return self.value <= float(bound) if sign == "<=" else self.value >= float(bound)


def run(command: Sequence[str | Path], **environment: str) -> Usage:
    """Run a command to its end and say what it took.

    Raises:
        StepFailed: when it returns anything but 0, with the end of what it printed.
    """
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if child.returncode != 0:
        raise StepFailed(f"{' '.join(map(str, command))} ended with {child.returncode}:\n{text[-3000:]}")
    return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024, text)


def run_sql(sql: str) -> Usage:
    """Run SQL in a DuckDB process of its own."""
    return run([sys.executable, "-c", "import duckdb, sys; duckdb.connect().execute(sys.argv[1]).fetchall()", sql])


def run_json(command: Sequence[str | Path]) -> dict[str, Any]:
    """Run a command whose last line of output is JSON, and return that."""
    parsed: dict[str, Any] = json.loads(run(command).output.strip().splitlines()[-1])
    return parsed


def interleaved(rounds: int, *steps: Callable[[], Usage]) -> list[list[Usage]]:
    """Run the steps in turn, `rounds` times, so that a busy machine is busy for all; return each step's usages."""
    usages: list[list[Usage]] = [[] for _ in steps]
    for _ in range(rounds):
        for step, kept in zip(steps, usages, strict=True):
            kept.append(step())
    return usages


def median_cpu(usages: Sequence[Usage]) -> float:
    """The median processor seconds."""
    return statistics.median(usage.cpu for usage in usages)


def median_wall(usages: Sequence[Usage]) -> float:
    """The median wall-clock seconds."""
    return statistics.median(usage.wall for usage in usages)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }


def save(name: str, figures: Sequence[Figure], scale: Mapping[str, Any]) -> Path:
    """Write results/<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    rows = [
        {
            "claim": figure.claim,
            "value": round(figure.value, 3),
            "unit": figure.unit,
            "target": figure.target,
            "is_met": figure.is_met,
            "detail": figure.detail,
        }
        for figure in figures
    ]
    load = os.getloadavg()[0]
    content = {
        "name": name,
        "measured_on": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "load_average_after": round(load, 1),
        "scale": scale,
        "figures": rows,
    }
    path.write_text(json.dumps(content, indent=1, default=str) + "\n")
    return path


def show(figure: Figure) -> str:
    """One printed line."""
    verdict = {None: "", True: "  met", False: "  MISSED"}[figure.is_met]
    target = f"  (target {figure.target})" if figure.target else ""
    return f"  {figure.value:8.2f} {figure.unit:<4} {figure.claim}{target}{verdict}"


def write_table() -> None:
    """Write README.md of this folder from all results."""
    lines = [
        "# Benchmarks",
        "",
        "Generated by `python -m benchmarks`; each row is one claim, its script has the name of its section.",
        "Ratios are of processor time (user + system) of whole processes, measured in turns on one machine.",
        "",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        on = result["machine"]
        scale = ", ".join(
            f"{value:,} {key}" if isinstance(value, int) else f"{key} {value}" for key, value in result["scale"].items()
        )
        lines += [
            f"## {result['name']}",
            "",
            f"{result['measured_on']}, {on['cores']} cores that other work shared (load average "
            f"{result['load_average_after']} at the end), {on['memory_gib']} GiB, DuckDB {on['duckdb']}; {scale}.",
            "",
            "| measured | figure | target | |",
            "|---|---|---|---|",
        ]
        for row in result["figures"]:
            met = {None: "", True: "met", False: "missed"}[row["is_met"]]
            target = row["target"].replace("<=", "≤").replace(">=", "≥")
            lines.append(f"| {row['claim']} | {row['value']:.2f} {row['unit']} | {target} | {met} |")
        lines.append("")
    (Path(__file__).parent / "README.md").write_text("\n".join(lines))
