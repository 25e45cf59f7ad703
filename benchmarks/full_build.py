"""A full build against one read of all Parquet columns, and its peak memory."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from benchmarks.homes import Bench
from benchmarks.measure import Figure, Usage, interleaved, median_cpu, run_sql


def read_all(bench: Bench) -> Usage:
    """Read every column of every landed file; the hash consumes the values, else DuckDB would skip them."""
    files = bench.parquet()
    source = f"read_parquet({files}, hive_partitioning = false)"
    columns = [row[0] for row in duckdb.execute(f"describe from {source}").fetchall()]
    return run_sql(f"select bit_xor(hash({', '.join(columns)})) from {source}")


def run(bench: Bench) -> Iterator[Figure]:
    """Measure dbt's part of a full build with all tests, then `footfall build` with its publication."""
    events = bench.landed_events()
    reads = interleaved(3, lambda: read_all(bench))[0]
    home = bench.home("full_build")
    built = home.dbt("build")
    nodes = home.node_cpu()
    reads += interleaved(2, lambda: read_all(bench))[0]
    read = median_cpu(reads)
    per_event = {
        "read_us_per_event": round(read / events * 1e6, 3),
        "dbt_build_us_per_event": round(built.cpu / events * 1e6, 3),
    }
    slowest = dict(sorted(nodes.items(), key=lambda item: -item[1])[:20])
    detail = {"cpu": built.cpu, "wall": built.wall, "read_cpu": read, **per_event, "nodes_cpu": slowest}
    claim = "full dbt build with all tests, CPU / one read of all Parquet columns"
    yield Figure(claim, built.cpu / read, target="<= 5", detail=detail)
    home = bench.home("full_build")
    usage = home.footfall("build")
    detail = {"cpu": usage.cpu, "wall": usage.wall}
    yield Figure("`footfall build`, the first publication included", usage.cpu / read, detail=detail)
    peak = "peak resident memory of `footfall build`, FOOTFALL_MEMORY_LIMIT=6.5GB (the default)"
    yield Figure(peak, usage.peak_bytes / 2**30, "GiB", "<= 8", detail)
    home.remove()
