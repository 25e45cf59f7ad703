# ruff: noqa: S608 (relations and columns are quoted)
"""What personal data are found in what is stored: where, of which kind and how often; never what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.envelope import literal, quoted
from ingest.landing.paths import events_dir, quarantine_dir
from ingest.privacy.cleaning import Cleaner
from ingest.privacy.names import kind_of
from ingest.privacy.policy import Policies
from ingest.privacy.texts import STEMS

# these hold members, and the others texts
OBJECTS = ("properties", "context_other", "raw")


@dataclass(frozen=True, order=True)
class Finding:
    """So many rows of a place hold a kind of personal data in a column, or in a member of one."""

    place: str
    column: str
    kind: str
    rows: int


def scan_landing(home: Path) -> list[Finding]:
    """What is found in the landed events and in the quarantine of a home."""
    places = {
        "landing": events_dir(home).glob("*/[0-9]*.parquet"),
        "quarantine": quarantine_dir(home).glob("[0-9]*.parquet"),
    }
    found: list[Finding] = []
    with duckdb.connect() as connection:
        for place, files in places.items():
            if listed := ", ".join(literal(file) for file in sorted(files)):
                rows = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
                found += scan(connection, rows, place, home)
    return found


def scan(connection: duckdb.DuckDBPyConnection, rows: str, place: str, home: Path) -> list[Finding]:
    """What is found in a relation, in the order of its columns."""
    described = connection.execute(f"describe select * from {rows}").fetchall()
    cleaner = Cleaner(home, Policies(enabled=True), Counter())
    texts = [name for name, kind, *_ in described if kind in ("VARCHAR", "JSON", "BLOB")]
    found = []
    for column in texts:
        counts: Counter[tuple[str, str]] = Counter()
        for value, n in _suspects(connection, rows, column):
            counts.update(dict.fromkeys(_kinds(value, column, cleaner), n))
        found += [Finding(place, member, kind, n) for (member, kind), n in sorted(counts.items())]
    return found


def _suspects(connection: duckdb.DuckDBPyConnection, rows: str, column: str) -> Iterator[tuple[str, int]]:
    text = f"{quoted(column)}::varchar"
    some = "true" if kind_of(column) else f"regexp_matches({text}, {literal(STEMS)})"
    asked = connection.cursor().execute(
        f"select {text}, count(*) from {rows} where {quoted(column)} is not null and {some} group by 1"
    )
    while chunk := asked.fetchmany(10_000):
        yield from chunk


def _kinds(value: str, column: str, cleaner: Cleaner) -> set[tuple[str, str]]:
    """The members and kinds of what is found in one value."""
    if whole := kind_of(column):
        return {(column, whole)} if value and not value.startswith("hashed-") else set()
    assert cleaner.found is not None
    cleaner.found.clear()
    if column in OBJECTS and column != "raw":
        cleaner.json(value, "", column)
    elif column == "raw":
        cleaner.raw(value.encode(), "")
    else:
        cleaner.text(value, "", column)
    return {
        (".".join(dict.fromkeys(filter(None, (column, holder, name)))), kind) for holder, name, kind in cleaner.found
    }
