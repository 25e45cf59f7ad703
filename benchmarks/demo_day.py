"""One more day on the demo's home, with all tests: what can have changed against everything."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.homes import Bench, Home
from benchmarks.measure import REPOSITORY, Figure, Usage, interleaved, median_cpu, median_wall

# events of the day after the demo's last: a day of one app's, four days later
DAY = """
    copy (
        select * replace ('next-' || event_id as event_id, occurred_at + interval 4 day as occurred_at)
        from '{studio}'
        where cast(occurred_at as date) = date '2015-10-01'
        order by occurred_at
        limit 162
    ) to '{file}' (format parquet)
"""


def run(bench: Bench) -> list[Figure]:
    """Measure load + build + publish of a day of 162 events behind the demo."""
    home = Home(bench.work / "homes" / "demo_day")
    home.remove()
    home.path.mkdir(parents=True)
    home.footfall("demo")
    file = Path(bench.work) / "demo_day.parquet"
    duckdb.execute(DAY.format(studio=REPOSITORY / "demo" / "data" / "studio.parquet", file=file))
    home.save()

    def day(only_changed: str) -> Usage:
        home.restore()
        home.footfall("load", file)
        return home.footfall("build", FOOTFALL_ONLY_CHANGED=only_changed)

    changed, everything = interleaved(bench.rounds, lambda: day("true"), lambda: day("false"))
    told = changed[0].output.strip().splitlines()[-1]
    home.remove()
    return [
        Figure(
            "a day of 162 events on the demo's home, all tests, wall",
            median_wall(changed),
            "s",
            "<= 12",
            {"wall_of_everything": median_wall(everything), "told": told},
        ),
        Figure(
            "the same, CPU",
            median_cpu(changed),
            "s",
            "<= 14",
            {"cpu_of_everything": median_cpu(everything)},
        ),
    ]
