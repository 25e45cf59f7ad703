"""What columns relations and steps have, as DuckDB itself binds them, without a row being read."""

# names come from the tree, and are quoted
# ruff: noqa: S608

from __future__ import annotations

import duckdb
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

Columns = dict[str, str]
# the relation of all landed rows, as models read them from the files
LANDED = "landed_events"


class PlainDuckDB(DuckDB):
    """DuckDB's SQL with positions in lists as they are written: SQLGlot would shift those whose type it knows."""

    INDEX_OFFSET = 0


class Shapes:
    """The relations of a project as empty tables, and the steps of a model beside them.

    Args:
        connection: a database that holds the relations, or empty tables of their types, and the project's functions.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.steps: dict[str, Columns] = {}
        self.known: dict[str, Columns] = {}
        self.scalars: set[str] | None = None

    def begin(self) -> None:
        """Forget the steps of the model before."""
        for name in self.steps:
            self.connection.execute(f'drop table if exists temp."{name}"')
        self.steps = {}

    def of(self, table: exp.Table) -> Columns | None:
        """Columns and types of a relation or a step; None of what is neither, such as a function."""
        if not isinstance(table.this, exp.Identifier):
            return None
        if not table.db and table.name in self.steps:
            return self.steps[table.name]
        name = named(table)
        if name not in self.known:
            self.known[name] = self.describe(f"select * from {name}")
        return self.known[name]

    def is_of_one_row(self, function: str) -> bool:
        """Whether a function's value comes from the values of its own row alone."""
        if self.scalars is None:
            kinds = "('scalar', 'macro')"
            named = f"select lower(function_name) from duckdb_functions() where function_type in {kinds}"
            self.scalars = {name for (name,) in self.connection.execute(named).fetchall()}
        return function in self.scalars

    def add(self, name: str, query: str) -> Columns:
        """Let a step be known by its name, as a query in DuckDB's words."""
        self.connection.execute(f'create or replace temp table "{name}" as {query} with no data')
        self.steps[name] = self.describe(f'select * from temp."{name}"')
        return self.steps[name]

    def describe(self, query: str) -> Columns:
        """Columns and types of a query in DuckDB's words."""
        return {name: kind for name, kind, *_ in self.connection.execute(f"describe {query}").fetchall()}


def named(table: exp.Table) -> str:
    """A table's name in DuckDB's words, without its alias."""
    return ".".join(part.sql(PlainDuckDB) for part in table.parts)
