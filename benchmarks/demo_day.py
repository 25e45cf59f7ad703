"""A one-day build of a demo-sized home with all tests."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.homes import Bench
from benchmarks.measure import Figure, Usage, interleaved, median_cpu, median_wall

DEMO_EVENTS = 50_000


def run(bench: Bench) -> list[Figure]:
    """Measure load + build + publish of one day behind a small history."""
    small = replace(bench, events=DEMO_EVENTS, days=60)
    home = small.home("demo_day")
    home.footfall("build")
    home.save()
    file = small.next_day_file()

    def day() -> Usage:
        home.restore()
        home.footfall("load", file)
        return home.footfall("build")

    usages = interleaved(bench.rounds, day)[0]
    nodes = home.node_count()
    home.remove()
    detail = {"cpu": median_cpu(usages), "nodes": nodes, "home_events": DEMO_EVENTS}
    return [
        Figure("one-day build of a demo-sized home with all tests, wall", median_wall(usages), "s", "<= 30", detail)
    ]
