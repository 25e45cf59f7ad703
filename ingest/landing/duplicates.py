# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Copies of events, settled before a file lands."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from ingest import content
from ingest.envelope import GENERATED_ID, LANDING_COLUMNS, content_hash, literal
from ingest.landing import earlier
from ingest.landing.batches import each_batch

_COLUMNS = ", ".join(LANDING_COLUMNS)
_MANY_DATES = 500
FILES_AT_ONCE = 100
# small row groups, so that a reader of few days skips the rest of the file
PARQUET_OPTIONS = "format parquet, compression zstd, compression_level 1, row_group_size 20480"


def settle(
    connection: duckdb.DuckDBPyConnection, staged: Path, settled: Path, home: Path, cleaned: Callable[[str], str]
) -> tuple[Path, int]:
    """Take the copies out of the Parquet file `staged`.

    A copy has the app, the event_id, the content_hash and the time of another row, in this file or already landed; a
    retry that differs in the correction of its clock lands, as which of them stays must not hang on which came first.
    Rows that came without an id are no copies of each other: the n-th of them gets the id of an n-th occurrence.

    `cleaned` gives the SQL of landed rows as a load of today leaves them: without what is personal.

    Returns:
        The file without copies (`staged` itself where it has none, else `settled`) and the number of its rows.
    """
    rows = _count(connection, f"select count(*) from read_parquet({literal(staged)})")
    repeated = f"""
        select content_hash from read_parquet({literal(staged)}) group by all having count(*) > 1"""
    connection.execute(f"""
        create or replace temp table numbered as
        select file_row_number, n, is_generated, md5(event_id || ':' || n) as nth_id,
            {content_hash("nth_id")} as nth_hash
        from (
            select *, event_id = {GENERATED_ID} as is_generated,
                row_number() over (partition by event_id, content_hash, occurred_at order by file_row_number) as n,
            from read_parquet({literal(staged)}, file_row_number = true)
            where content_hash in ({repeated})
            qualify n > 1
        )""")
    keys = f"""
        select file_row_number, case when is_generated then nth_id else event_id end as event_id,
            case when is_generated then nth_hash else content_hash end as content_hash, app, occurred_at, event_date
        from read_parquet({literal(staged)}, file_row_number = true)
        left join numbered using (file_row_number)
        where coalesce(is_generated, true)"""
    connection.execute("create or replace temp table landed_rows (file_row_number bigint)")
    for landed in _landed(connection, staged, home, cleaned):
        if _any_hash_landed(connection, keys, landed):
            connection.execute(f"""
                insert into landed_rows select file_row_number from ({keys})
                semi join ({landed}) using (content_hash, app, event_id, occurred_at)""")

    changed = _count(connection, "select (select count(*) from numbered) + (select count(*) from landed_rows)")
    if not changed and not _is_blurred(connection, staged):
        return staged, rows
    replaced = _COLUMNS.replace("event_id,", "case when is_generated then nth_id else event_id end as event_id,", 1)
    replaced = replaced.replace(
        "content_hash", "case when is_generated then nth_hash else content_hash end as content_hash"
    )
    written = _count(
        connection,
        f"""copy (
            select {replaced}
            from read_parquet({literal(staged)}, file_row_number = true)
            left join numbered using (file_row_number)
            anti join landed_rows using (file_row_number)
            where coalesce(is_generated, true)
            order by event_date, occurred_at
        ) to {literal(settled)} ({PARQUET_OPTIONS})""",
    )
    return settled, written


def _is_blurred(connection: duckdb.DuckDBPyConnection, staged: Path) -> bool:
    """Whether the days of the row groups overlap so much that a reader of one day would read many others too."""
    days_in_groups, groups, days = connection.execute(f"""
        with row_groups as (
            select stats_min_value::date as first_day, stats_max_value::date as last_day
            from parquet_metadata({literal(staged)}) where path_in_schema = 'event_date'
        )
        select sum(last_day - first_day + 1), count(*), max(last_day) - min(first_day) + 1 from row_groups
    """).fetchone() or (0, 0, 0)
    return bool(groups) and days_in_groups > 1.2 * (groups + days)


def _landed(
    connection: duckdb.DuckDBPyConnection, staged: Path, home: Path, cleaned: Callable[[str], str]
) -> Iterator[str]:
    """The SQL of the ids and hashes already landed on the dates of `staged`, some files at a time.

    Literal dates let DuckDB skip what lies on others. It keeps every file of a query open, and a server lands some
    thousand files a day: asked for in parts they take the memory of one part.
    """
    dates = [
        day
        for (day,) in connection.execute(
            f"select distinct event_date from read_parquet({literal(staged)}) order by 1"
        ).fetchall()
    ]
    files = [
        (literal(home / batch.path), batch.content_version)
        for batch in each_batch(home)
        if dates
        and batch.path
        and batch.min_event_date
        and batch.max_event_date
        and batch.min_event_date <= dates[-1]
        and batch.max_event_date >= dates[0]
        and (home / batch.path).exists()
    ]
    if not files:
        return
    if len(dates) > _MANY_DATES:
        touched = f"between date '{dates[0]}' and date '{dates[-1]}'"
    else:
        touched = "in (" + ", ".join(f"date '{day}'" for day in dates) + ")"

    def rows(files: list[str]) -> str:
        return f"""
            select * from read_parquet([{", ".join(files)}], hive_partitioning = false, union_by_name = true)
            where event_date {touched}"""

    for version in sorted({version for _, version in files}):
        of_version = [file for file, landed_by in files if landed_by == version]
        # rows of earlier versions are numbered among all that say the same
        at_once = FILES_AT_ONCE if version == content.VERSION else len(of_version)
        for begin in range(0, len(of_version), at_once):
            part = rows(of_version[begin : begin + at_once])
            part = part if version == content.VERSION else earlier.as_of_now(part, version, cleaned)
            yield f"select app, event_id, content_hash, occurred_at from ({part})"


def _any_hash_landed(connection: duckdb.DuckDBPyConnection, keys: str, landed: str) -> bool:
    """Whether any hash is already there: nearly always enough to know, and far cheaper than comparing ids."""
    some = f"select content_hash from ({keys}) semi join ({landed}) using (content_hash) limit 1"
    return bool(_count(connection, f"select count(*) from ({some})"))


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
