"""One day's load and build behind the whole history and behind its last 30 days: a day must cost a day."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.homes import Bench, Home
from benchmarks.measure import Figure, Usage

SHORT_DAYS = 30


def _day(home: Home, file: Path, build: str) -> dict[str, Usage]:
    home.restore()
    loaded = home.footfall("load", file)
    built = home.footfall("build") if build == "footfall" else home.dbt(build)
    return {"load": loaded, "build": built}


def run(bench: Bench) -> Iterator[Figure]:
    """Measure `footfall load` + `footfall build`, then plain `dbt build` and `dbt run` after the same load."""
    file = bench.next_day_file()
    homes = {days: bench.home(f"history_{days}", days) for days in (bench.days, SHORT_DAYS)}
    for home in homes.values():
        home.footfall("build")
        home.save()
    parts = {
        "footfall": f"one-day load + build at {bench.days} days of history / at {SHORT_DAYS}, CPU",
        "build": "the same without publishing (`dbt build`)",
        "run": "the same without publishing and tests (`dbt run`)",
    }
    for build, claim in parts.items():
        taken: dict[int, list[dict[str, Usage]]] = {days: [] for days in homes}
        nodes: dict[int, dict[str, float]] = {}
        for _ in range(bench.rounds):
            for days, home in homes.items():
                taken[days].append(_day(home, file, build))
                if build != "footfall":
                    nodes[days] = home.node_cpu()
        cpu = {
            days: {step: round(statistics.median(usages[step].cpu for usages in runs), 2) for step in ("load", "build")}
            for days, runs in taken.items()
        }
        total = {days: statistics.median(u["load"].cpu + u["build"].cpu for u in runs) for days, runs in taken.items()}
        wall = {
            days: round(statistics.median(u["load"].wall + u["build"].wall for u in runs), 2)
            for days, runs in taken.items()
        }
        grown = {}
        if nodes:
            long, short = nodes[bench.days], nodes[SHORT_DAYS]
            by_growth = sorted(long, key=lambda name: short.get(name, 0.0) - long[name])
            grown = {name: [long[name], short.get(name)] for name in by_growth[:15]}
        yield Figure(
            claim,
            total[bench.days] / total[SHORT_DAYS],
            target="<= 1.15" if build == "footfall" else "",
            detail={"cpu": cpu, "wall": wall, "nodes_that_grow_most_cpu": grown},
        )
    for home in homes.values():
        home.remove()
