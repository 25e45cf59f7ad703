"""A build with nothing new must notice at once."""

from __future__ import annotations

from benchmarks.homes import Bench
from benchmarks.measure import Figure, interleaved, median_cpu, median_wall


def run(bench: Bench) -> list[Figure]:
    """Build once, then again and again without new batches."""
    home = bench.home("nothing_new")
    home.footfall("build")
    usages = interleaved(7, lambda: home.footfall("build"))[0]
    home.remove()
    if not all("Nothing new" in usage.output for usage in usages):
        raise AssertionError(f"A build without new batches did work: {usages[0].output}")
    return [
        Figure("`footfall build` with nothing new, wall", median_wall(usages), "s", "<= 2", {"cpu": median_cpu(usages)})
    ]
