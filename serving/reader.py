"""How anyone reads what is published: read-only, one publication from first to last query, locked into its folder."""

from __future__ import annotations

from pathlib import Path

import duckdb

from serving.publications import NothingPublishedError, current_publication, published_dir, refuse_moved_home


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """Open the publication that readers see now; later publications do not change what this connection reads.

    The connection can read nothing outside `published/`, and its settings are locked. A thread takes its own
    `cursor()` and says `use marts` on it, because cursors do not inherit that. Run a statement that a stranger wrote
    by `read`, since DuckDB lets `copy … to` write in any folder that it may read.

    Raises:
        NothingPublishedError: when nothing is published in this home.
        HomeMovedError: when the home lay elsewhere when it was published.
    """
    publication = current_publication(home)
    if publication is None:
        raise NothingPublishedError(f"Nothing is published in {home}. Run `footfall build` first.")
    refuse_moved_home(home, publication)
    connection = duckdb.connect()
    connection.execute(f"attach '{_quoted(publication / 'marts.duckdb')}' as marts (read_only)")
    connection.execute("use marts")
    # views over files are guessed small, and the join by loops then chosen is quadratic
    connection.execute("set asof_loop_join_threshold = 0")
    connection.execute(f"set allowed_directories = ['{_quoted(published_dir(home).resolve() / 'files')}']")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def read(connection: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
    """Run one statement that only reads.

    Raises:
        PermissionError: when it is not one single `select` (or `explain`).
    """
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        raise PermissionError("Only a single select statement is read here. Use `footfall export` to write files.")
    return connection.execute(sql, parameters)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
