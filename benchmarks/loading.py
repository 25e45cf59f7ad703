"""Files into landing against DuckDB's own copy of the same file to Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from benchmarks.generate import write_ndjson
from benchmarks.homes import Bench, Home
from benchmarks.measure import Figure, Usage, interleaved, median_cpu, median_wall, run_sql
from ingest.envelope import CONTEXT_FIELDS

ROWS = 500_000


def _files(bench: Bench) -> dict[str, Path]:
    """One file of each format with the same events, at most ROWS of them."""
    folder = bench.work / f"files_{bench.events}_{bench.days}_{bench.seed}"
    files = {kind: folder / f"events.{kind}" for kind in ("ndjson", "csv", "parquet")}
    if all(file.exists() for file in files.values()):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    source = f"(from read_parquet({bench.parquet()}, hive_partitioning = false) limit {ROWS})"
    context = ", ".join(f"{field} := {field}" for field in CONTEXT_FIELDS)
    with duckdb.connect() as connection:
        write_ndjson(connection, source, files["ndjson"])
        envelope = f"""select event_id, event_name, occurred_at, received_at, user_id, anonymous_id, session_id,
            account_id, app, properties, to_json(struct_pack({context}))::varchar as context from {source}"""
        connection.execute(f"copy ({envelope}) to '{files['csv']}' (header)")
        connection.execute(f"copy ({envelope}) to '{files['parquet']}' (compression zstd)")
    return files


def run(bench: Bench) -> Iterator[Figure]:
    """Load each file into an empty home and copy it with DuckDB, in turns."""
    home = Home(bench.work / "homes" / "loading")
    copied = bench.work / "copied.parquet"
    for kind, file in _files(bench).items():

        def load(file: Path = file) -> Usage:
            home.remove()
            return home.footfall("load", file)

        def copy(file: Path = file) -> Usage:
            return run_sql(f"copy (from '{file}') to '{copied}' (format parquet, compression zstd)")

        loads, copies = interleaved(bench.rounds, load, copy)
        detail = {
            "load_cpu": median_cpu(loads),
            "copy_cpu": median_cpu(copies),
            "load_wall": median_wall(loads),
            "file_bytes": file.stat().st_size,
            "peak_gib": round(max(usage.peak_bytes for usage in loads) / 2**30, 2),
        }
        claim = f"{kind}: `footfall load` into an empty home, CPU / DuckDB's own copy to Parquet"
        yield Figure(claim, median_cpu(loads) / median_cpu(copies), target="<= 1.5", detail=detail)
    home.remove()
    copied.unlink(missing_ok=True)
