# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Parquet: rows with named, typed columns."""

import duckdb

from ingest.envelope import literal, quoted
from ingest.formats.source import SourceFile, UnusableSource


def columns(connection: duckdb.DuckDBPyConnection, source: SourceFile) -> dict[str, str]:
    """Return the columns of a file with their DuckDB types.

    Raises:
        UnusableSource: when the file is cut short or damaged.
    """
    try:
        described = connection.execute(f"describe from {_read(source)}").fetchall()
    except duckdb.Error as error:
        raise UnusableSource(f"{source.name} is damaged ({error}). Fetch or write it again.") from None
    return {row[0]: row[1] for row in described}


def rows(source: SourceFile) -> str:
    """The rows of a file, none of which can be unreadable by itself."""
    return f"""
        select *, null::bigint as _row_number, null::blob as _raw, null::varchar as _problem, null::varchar as _detail
        from {_read(source)}"""


def careful_rows(source: SourceFile, names: dict[str, str]) -> str:
    """The same rows with their number, and with the row as JSON for the quarantine."""
    return f"""
        select * exclude (file_row_number, _columns), file_row_number + 1 as _row_number, null::varchar as _problem,
            null::varchar as _detail, encode(to_json(_columns)::varchar) as _raw
        from (
            select *, struct_pack({", ".join(f"{quoted(name)} := {quoted(name)}" for name in names)}) as _columns
            from read_parquet({literal(source.path)}, hive_partitioning = false, file_row_number = true)
        )"""


def _read(source: SourceFile) -> str:
    return f"read_parquet({literal(source.path)}, hive_partitioning = false)"
