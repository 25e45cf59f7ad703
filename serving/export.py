"""What is published, taken along: all of it as one DuckDB file, or one table as CSV, Parquet or Excel.

A file appears whole or not at all, and replaces none unless it is told to. CSV and Parquet are exact; in Excel text is
text, whatever it begins with, and what Excel cannot hold is an error and never cut.
"""

# ruff: noqa: S608 (names come from the catalog, and are quoted)

from __future__ import annotations

import difflib
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb

from ingest.envelope import literal, quoted
from serving import reader
from serving.publications import (
    MAIN,
    STORAGE_VERSION,
    current_publication,
    nothing_published,
    published_dir,
    read_catalog,
)

FORMATS = ("csv", "parquet", "xlsx")
# of a sheet and of a cell in Excel
MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 1_048_575, 16_384, 32_767
# numbers beyond these are other numbers in Excel, which holds 15 digits
MOST_EXACT = 10**15
# a column that is wider leaves no room for the others
MOST_WIDE = 60
ROWS_AT_ONCE = 100
FIRST_DAY = date(1900, 3, 1)  # before it Excel counts a day that never was


class ExportError(Exception):
    """What was asked for cannot be written; the message names it and the mend."""


def export_marts(home: Path, to: Path, *, replace: bool = False) -> int:
    """Write every mart, with its descriptions, into one DuckDB file that needs no other; return how many there are.

    Raises:
        ExportError: when the file cannot be written.
        NothingPublishedError, HomeMovedError: as any reader.
    """
    if to.suffix != ".duckdb":
        raise ExportError(f"{to} is no name of a DuckDB file. End it in .duckdb.")
    with _reading(home, to) as (connection, relations), _whole(to, replace) as part:
        connection.execute(f"attach {literal(part)} as taken (storage_version '{STORAGE_VERSION}')")
        for name, relation in relations.items():
            target = f"taken.{quoted(name)}"
            connection.execute(f"create table {target} as select * from marts.{MAIN}.{quoted(name)}")
            connection.execute(f"comment on table {target} is {literal(relation['description'].strip())}")
            for column in relation["columns"]:
                if column["description"]:
                    said = literal(column["description"])
                    connection.execute(f"comment on column {target}.{quoted(column['name'])} is {said}")
        connection.execute("detach taken")
    return len(relations)


def export_mart(home: Path, name: str, to: Path, *, replace: bool = False) -> int:
    """Write one mart as CSV, Parquet or Excel, by the ending of the file's name; return the number of its rows.

    Rows are in the order of their columns, so that the same mart is the same file.

    Raises:
        ExportError: when there is no such mart, or it cannot be written so.
        NothingPublishedError, HomeMovedError: as any reader.
    """
    kind = format_of(to)
    with _reading(home, to) as (connection, relations):
        if name not in relations:
            near = [f" Did you mean {known}?" for known in difflib.get_close_matches(name, relations, 1)]
            raise ExportError(f"There is no mart {name}.{''.join(near)} docs/marts.md lists all of them.")
        query = f"select * from marts.{MAIN}.{quoted(name)} order by all"
        with _whole(to, replace) as part:
            if kind == "xlsx":
                cursor = connection.execute(query)
                columns = [column[0] for column in cursor.description]
                return _write_excel(part, name, columns, _fetched(cursor))
            options = "format csv, header" if kind == "csv" else "format parquet, compression zstd"
            written = connection.execute(f"copy ({query}) to {literal(part)} ({options})").fetchone()
            return int(written[0]) if written else 0


def export_rows(
    columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], to: Path, *, replace: bool = False
) -> int:
    """Write rows, such as those of an answer, as CSV, Parquet or Excel; return how many there are.

    Args:
        columns, types: the names of the columns and DuckDB's names of their types.
        rows: their values; dates and times may be ISO text.
        to: the file, whose ending says the format.
        replace: whether a file of that name is replaced.

    Raises:
        ExportError: when they cannot be written so.
    """
    kind = format_of(to)
    with _whole(to, replace) as part, duckdb.connect() as connection:
        listed = ", ".join(f"{quoted(name)} {type_}" for name, type_ in zip(columns, types, strict=True))
        connection.execute(f"create table answer ({listed})")
        one = f"({', '.join('?' * len(columns))})"
        # each value is bound alone: in a list DuckDB takes what is no number for null
        for place in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[place : place + ROWS_AT_ONCE]
            connection.execute(f"insert into answer values {', '.join([one] * len(some))}", [*chain(*some)])
        if kind == "xlsx":
            return _write_excel(part, "answer", columns, _fetched(connection.execute("from answer")))
        options = "format csv, header" if kind == "csv" else "format parquet, compression zstd"
        connection.execute(f"copy answer to {literal(part)} ({options})")
        return len(rows)


def format_of(to: Path) -> str:
    """Return the format that a file's name ends in.

    Raises:
        ExportError: when it ends in none.
    """
    kind = to.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise ExportError(f"{to} does not say its format. End it in .{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}.")
    return kind


@contextmanager
def _reading(home: Path, to: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, Any]]]:
    """A connection to what is published, which may write, and the relations that are for people."""
    publication = current_publication(home)
    if publication is None:
        raise nothing_published(home)
    if to.resolve().is_relative_to(published_dir(home).resolve()):
        raise ExportError(f"{to} lies among what is published. Name a place of your own.")
    relations = read_catalog(publication)["relations"]
    shown = {name: relation for name, relation in relations.items() if not relation["is_internal"]}
    # what does not fit in memory spills beside the file
    with duckdb.connect(config={"temp_directory": str(to.resolve().parent / f".{to.name}.tmp")}) as connection:
        reader.attach(connection, home, publication)
        yield connection, shown


@contextmanager
def _whole(to: Path, replace: bool) -> Iterator[Path]:
    """The name under which a file is written until it is whole."""
    if to.exists() and (to.is_dir() or not replace):
        raise ExportError(
            f"{to} is a folder. Name a file in it."
            if to.is_dir()
            else f"{to} is there already. Name another file, or say --replace."
        )
    if not to.parent.is_dir():
        raise ExportError(f"There is no folder {to.parent}. Make it first, or name another.")
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(to)
    except OSError as error:
        raise ExportError(f"{to} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


def _fetched(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(10_000):
        yield from rows


def _write_excel(path: Path, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write a sheet: typed cells, the header frozen and filtered; text stays text, formulas among it too."""
    import xlsxwriter

    if len(columns) > MOST_COLUMNS:
        raise ExportError(f"Excel holds {MOST_COLUMNS:,} columns. Write {title} as Parquet or CSV.")
    with path.open("wb") as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet(title[:31])
        bold, days = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.freeze_panes(1, 0)
        # the arrow of the filter stands beside a name
        widths = [len(name) + 2 for name in columns]
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name, bold)
        number = 0
        for number, row in enumerate(rows, 1):
            if number > MOST_ROWS:
                raise ExportError(f"{title} has more rows than a sheet of Excel, {MOST_ROWS:,}. Write Parquet or CSV.")
            for place, value in enumerate(row):
                if value is None:
                    continue
                widths[place] = max(widths[place], _width(value))
                if isinstance(value, bool):
                    sheet.write_boolean(number, place, value)
                elif _is_exact(value):
                    sheet.write_number(number, place, value)
                elif isinstance(value, datetime) and value.date() >= FIRST_DAY and value.tzinfo is None:
                    sheet.write_datetime(number, place, value, moments)
                elif isinstance(value, date) and not isinstance(value, datetime) and value >= FIRST_DAY:
                    sheet.write_datetime(number, place, value, days)
                else:
                    text = _text(value)
                    if len(text) > MOST_CHARACTERS:
                        raise ExportError(
                            f"{columns[place]} in row {number} of {title} has {len(text):,} characters, and a cell of "
                            f"Excel holds {MOST_CHARACTERS:,}. Write Parquet or CSV."
                        )
                    sheet.write_string(number, place, text)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, min(width + 1, MOST_WIDE))
        if number:
            sheet.autofilter(0, 0, number, len(columns) - 1)
        book.close()
    return number


def _width(value: Any) -> int:
    """How many characters a cell shows; a fraction shows as many digits as there is room for."""
    if isinstance(value, float | Decimal):
        return len(f"{value:.11g}")
    return len(f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value))


def _is_exact(value: Any) -> bool:
    """Whether a value is a number that Excel holds as it is; none that is not finite is."""
    return isinstance(value, float | Decimal | int) and bool(abs(float(value)) < MOST_EXACT)


def _text(value: Any) -> str:
    """A value that is no number, day or flag of Excel's, as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)
