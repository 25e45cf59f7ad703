"""The peak memory of a full build of four times the events: each person of the dataset and three with other ids."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from benchmarks.homes import Bench, Home
from benchmarks.measure import Figure

COPIES = 4
# what names an event or a person differs in each copy, and the keys that the ingest derives from it with it
MULTIPLIED = """
    copy (
        with renamed as (
            select
                * replace (
                    event_id || '-' || copy_number as event_id,
                    user_id || '-' || copy_number as user_id,
                    anonymous_id || '-' || copy_number as anonymous_id,
                    session_id || '-' || copy_number as session_id,
                    hash(content_hash, copy_number) as content_hash
                )
            from read_parquet(?, hive_partitioning = false)
            cross join (select unnest(generate_series(1, ?)) as copy_number)
        )
        select * exclude (copy_number) replace (md5_number_lower(coalesce(anonymous_id, user_id)) as stream_id)
        from renamed
        order by event_date, occurred_at
    ) to '{target}' (format parquet, compression zstd, row_group_size 20480)
"""


def _multiply(bench: Bench) -> Home:
    source, home = bench.dataset(), Home(bench.work / "homes" / "memory")
    home.remove()
    for file in map(Path, bench.parquet()):
        target = home.path / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        duckdb.execute(MULTIPLIED.format(target=target), [str(file), COPIES])
    shutil.copytree(source / "landing" / "batches", home.path / "landing" / "batches")
    return home


def run(bench: Bench) -> Iterator[Figure]:
    """Build it whole under the default limit of 6.5 GB, and under 4 GB, where it spills and does not fail."""
    home = _multiply(bench)
    home.dbt("seed")
    for limit in ("6.5GB", "4GB"):
        usage = home.dbt("run", "--full-refresh", FOOTFALL_MEMORY_LIMIT=limit)
        yield Figure(
            f"peak resident memory of a full build of {COPIES} times the events, FOOTFALL_MEMORY_LIMIT={limit}",
            usage.peak_bytes / 2**30,
            "GiB",
            "<= 8" if limit == "6.5GB" else "",
            {"events": COPIES * bench.landed_events(), "cpu": usage.cpu, "wall": usage.wall},
        )
    home.remove()
