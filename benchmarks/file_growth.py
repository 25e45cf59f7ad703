"""The warehouse file after a build a day against a fresh one."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from benchmarks.homes import Bench, Home
from benchmarks.measure import Figure


def _copied_bytes(file: Path) -> int:
    """The size of a compact copy of a DuckDB file."""
    target = file.with_suffix(".copy")
    target.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as warehouse (read_only); attach '{target}' as compact")
        connection.execute("copy from database warehouse to compact")
        connection.execute("detach compact")
    size = target.stat().st_size
    target.unlink()
    return size


def run(bench: Bench) -> list[Figure]:
    """Land and build day by day, at most 60 days; then build everything whole in another home."""
    days = min(60, bench.days)
    fresh = bench.home("growth_fresh", days)
    grown = Home(bench.work / "homes" / "growth_daily")
    grown.remove()
    manifests = sorted((fresh.path / "landing" / "batches").glob("2*.json"))
    for manifest in manifests:
        for file in (*(fresh.path / "landing" / "events").glob(f"*/{manifest.stem}.parquet"), manifest):
            target = grown.path / file.relative_to(fresh.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        if manifest == manifests[0]:
            grown.footfall("build")
        grown.dbt("run")
    fresh.footfall("build")
    fresh.dbt("run", "--full-refresh")
    sizes = {name: (home.path / "warehouse.duckdb").stat().st_size for name, home in (("d", grown), ("f", fresh))}
    compact = _copied_bytes(grown.path / "warehouse.duckdb")
    detail = {"daily_bytes": sizes["d"], "full_build_bytes": sizes["f"], "compact_copy_bytes": compact}
    for home in (fresh, grown):
        home.remove()
    return [
        Figure(
            f"warehouse file after {days} daily builds / a fresh copy of it",
            sizes["d"] / compact,
            target="<= 1.2",
            detail=detail,
        ),
        Figure(f"warehouse file after {days} daily builds / one full build", sizes["d"] / sizes["f"], detail=detail),
    ]
