"""How anyone reads what is published: read-only, one publication from first to last query, locked into its folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import duckdb

from ingest.envelope import literal
from serving.publications import (
    INTERNAL,
    MAIN,
    current_publication,
    nothing_published,
    published_dir,
    refuse_moved_home,
)

# what people wrote down of events, which says nothing of any that came
OF_NO_APP = ("event_catalog",)


def connect(home: Path, publication: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open the publication that readers see now, or this one; later ones do not change what this connection reads.

    The connection can read nothing outside `published/`, and its settings are locked. It finds what is `internal`
    without its schema, wherever a publication keeps it. A thread takes its own `cursor`. Run a statement that a
    stranger wrote by `read`, since DuckDB lets `copy … to` write in any folder that it may read.

    Raises:
        NothingPublishedError: when nothing is published in this home.
        HomeMovedError: when the home lay elsewhere when it was published.
    """
    publication = publication or current_publication(home)
    if publication is None:
        raise nothing_published(home)
    connection = duckdb.connect()
    attach(connection, home, publication)
    connection.execute(f"set allowed_directories = [{literal(published_dir(home).resolve() / 'files')}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def attach(connection: duckdb.DuckDBPyConnection, home: Path, publication: Path) -> None:
    """Let a connection find what a publication holds, read-only; what else it may do stays as it is.

    Raises:
        HomeMovedError: when the home lay elsewhere when it was published.
    """
    refuse_moved_home(home, publication)
    connection.execute(f"attach {literal(publication / 'marts.duckdb')} as marts (read_only)")
    _look_in(connection)
    # views over files are guessed small, and the join by loops then chosen is quadratic; for the cursors of all threads
    connection.execute("set global asof_loop_join_threshold = 0")


def cursor(connection: duckdb.DuckDBPyConnection, room: str | None = None) -> duckdb.DuckDBPyConnection:
    """A second way to read by a connection, for another thread; DuckDB's own `cursor()` forgets where names are.

    In a `room`, which `make_room` has made, names mean what there is of one app, and nothing else has a name.
    """
    fresh = connection.cursor()
    if room is None:
        _look_in(fresh)
    else:
        fresh.execute(f"set search_path = 'memory.{room}'")
    return fresh


def app_condition(columns: Collection[str], app: str) -> str | None:
    """The condition that a row is of an app, by its relation's columns; None where rows are of several at once."""
    if "app" in columns:
        return f"app = {literal(app)}"
    if {"segment", "segment_value"} <= {*columns}:
        return f"segment = 'app' and segment_value = {literal(app)}"
    return None


def make_room(connection: duckdb.DuckDBPyConnection, room: str, relations: Mapping[str, Any], app: str) -> set[str]:
    """Make a schema in memory that shows what a publication has of one app, and return the names in it.

    `relations` are those of its catalog. What the tables are split by is in `app_condition`; those of `OF_NO_APP` are
    shown whole, and any other that cannot be split is left out.
    """
    connection.execute(f"create schema memory.{room}")
    shown = set()
    for name, told in relations.items():
        condition = "true" if name in OF_NO_APP else app_condition([column["name"] for column in told["columns"]], app)
        if condition is not None:
            whole = f'marts."{told["schema"]}"."{name}"'
            connection.execute(f'create view memory.{room}."{name}" as select * from {whole} where {condition}')  # noqa: S608
            shown.add(name)
    return shown


def read(connection: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
    """Run one statement that only reads.

    Raises:
        PermissionError: when it is not one single `select` (or `explain`).
    """
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        raise PermissionError(
            "Only a single select statement is read here. To write files, open marts.duckdb by a DuckDB of your own."
        )
    return connection.execute(sql, parameters)


def _look_in(connection: duckdb.DuckDBPyConnection) -> None:
    """Let names mean what is published; before there was a schema `internal`, all of it lay in `main`."""
    query = "select schema_name from duckdb_schemas() where database_name = 'marts'"
    known = {name for (name,) in connection.execute(query).fetchall()}
    path = [f"marts.{schema}" for schema in (MAIN, INTERNAL) if schema in known]
    connection.execute(f"set search_path = '{','.join(path)}'")
