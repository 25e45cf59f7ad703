"""Run all benchmarks, or the named ones, and keep their figures."""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path

from benchmarks.homes import Bench
from benchmarks.measure import Figure, StepFailed, save, show, write_table

NAMES = (
    "full_build",
    "one_day_build",
    "nothing_new",
    "loading",
    "file_growth",
    "memory",
    "engines",
    "demo_day",
    "collector",
    "soak",
    "api",
    "live",
    "pages",
)


def main() -> int:
    """Parse the command line, run, print, save; return 1 when a command failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}; default all")
    parser.add_argument("--events", type=int, default=20_000_000, help="events of the history (default %(default)s)")
    parser.add_argument("--days", type=int, default=180, help="days of the history (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of what is repeated (default %(default)s)")
    parser.add_argument("--minutes", type=int, default=60, help="how long soak sends (default %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("build/benchmarks"), help="where data and homes are put")
    parser.add_argument("--no-save", action="store_true", help="print only; keep the committed figures")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. Choose from {', '.join(NAMES)}")
    bench = Bench(options.work.resolve(), options.events, options.days, options.rounds, options.minutes)
    failed = 0
    for name in options.names or NAMES:
        print(f"{name} (load average {os.getloadavg()[0]:.1f})", flush=True)
        figures: list[Figure] = []
        try:
            # each figure is kept as soon as it is there: a run of hours may be stopped
            module = importlib.import_module(f"benchmarks.{name}")
            for figure in module.run(bench):
                print(show(figure), flush=True)
                figures.append(figure)
                if not options.no_save:
                    save(name, figures, module.scale(bench) if hasattr(module, "scale") else bench.scale)
                    write_table()
        except StepFailed as error:
            print(f"  failed: {error}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
