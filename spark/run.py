"""Models on Spark: views by the names of relations, kept steps, recursion as a loop, tables as Parquet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spark.functions import register
from spark.kinds import spark_type
from spark.shapes import LANDED, Columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark.translation import Step, Translation

# a walk that goes on longer is none that ends
MOST_ROUNDS = 100_000


class Runner:
    """Runs translated models in one session, each over the views that those before it left.

    Args:
        session: of Spark.
        folder: where tables are written, a folder of Parquet files for each.
        macros: the SQL of the project's functions.
    """

    def __init__(self, session: SparkSession, folder: str, macros: str) -> None:
        self.session, self.folder, self.macros = session, folder, macros
        self.kept: list[DataFrame] = []
        self.views: list[str] = []
        self.functions: set[str] = set()

    def read_landing(self, pattern: str, columns: Columns) -> None:
        """Let models read the landed files.

        Args:
            pattern: of the files, on any path that Spark reads.
            columns: DuckDB's types of the columns, with `filename` and `file_row_number`.
        """
        unsigned = {name for name, kind in columns.items() if kind == "UBIGINT"}
        in_files = {name: kind for name, kind in columns.items() if name not in ("filename", "file_row_number")}
        schema = ", ".join(
            f"`{name}` {'DECIMAL(20, 0)' if name in unsigned else spark_type(kind)}" for name, kind in in_files.items()
        )
        told = [
            f"cast(case when `{name}` > 9223372036854775807 then `{name}` - 18446744073709551616 else `{name}` end "
            f"as bigint) as `{name}`"
            if name in unsigned
            else f"`{name}`"
            for name in in_files
        ]
        # a path as DuckDB writes it
        path = "regexp_replace(url_decode(replace(_metadata.file_path, '+', '%2B')), '^file:(//)?', '') as filename"
        rows = self.session.read.schema(schema).parquet(pattern)
        rows.selectExpr(*told, path, "_metadata.row_index as file_row_number").createOrReplaceTempView(LANDED)

    def read_table(self, name: str, path: str, columns: Columns | None = None) -> None:
        """Let models read Parquet files by the name of a relation; told DuckDB's types, Spark opens none for them."""
        reader = self.session.read
        if columns:
            reader = reader.schema(", ".join(f"`{column}` {spark_type(kind)}" for column, kind in columns.items()))
        reader.parquet(path).createOrReplaceTempView(name)

    def run(self, name: str, translation: Translation, is_table: bool) -> None:
        """Make one relation: a table is written and read back, a view is computed by whoever reads it."""
        register(self.session, translation.functions.values(), self.macros, self.functions)
        names = {step.name: f"{name}__{step.name}" for step in translation.steps}
        try:
            for step in translation.steps:
                self._make(step, names)
            rows = self.session.sql(_renamed(translation.query, names))
            # what is kept for a view would be kept for good
            if is_table or self.kept:
                self.write(name, rows)
            else:
                rows.createOrReplaceTempView(name)
        finally:
            self.forget()

    def write(self, name: str, rows: DataFrame) -> None:
        """Write the rows of a relation and let the models after it read them."""
        path = f"{self.folder}/{name}"
        rows.write.mode("overwrite").parquet(path)
        self.session.read.schema(rows.schema).parquet(path).createOrReplaceTempView(name)

    def forget(self) -> None:
        """Let go of the steps of the last relation."""
        for rows in self.kept:
            rows.unpersist()
        for name in self.views:
            self.session.catalog.dropTempView(name)
        self.kept, self.views = [], []

    def _make(self, step: Step, names: dict[str, str]) -> None:
        rows = self.session.sql(_renamed(step.query, names))
        if step.recursive:
            rows = self._repeat(step, rows, names)
        elif step.is_kept:
            rows = rows.persist()
            self.kept.append(rows)
        self._show(names[step.name], rows)

    def _show(self, name: str, rows: DataFrame) -> None:
        """Let the steps after it read one by its name."""
        rows.createOrReplaceTempView(name)
        self.views.append(name)

    def _repeat(self, step: Step, rows: DataFrame, names: dict[str, str]) -> DataFrame:
        """All rows of a recursion; a row of a later round replaces the one with its key, where there is a key."""
        inner = {**names, f"recurring_{step.name}": f"{names[step.name]}__recurring"}
        rows = found = rows.localCheckpoint()
        for _ in range(MOST_ROUNDS):
            self._show(names[step.name], found)
            self._show(f"{names[step.name]}__recurring", rows)
            found = self.session.sql(_renamed(step.recursive, inner)).localCheckpoint()
            if found.isEmpty():
                return rows
            stays = rows.join(found, list(step.key), "left_anti") if step.key else rows
            rows = stays.select(*found.columns).unionAll(found).localCheckpoint()
        raise RuntimeError(f"The recursion {step.name} has not ended after {MOST_ROUNDS} rounds.")


def _renamed(query: str, names: dict[str, str]) -> str:
    """A query over the views of this model's steps, which it reads under their aliases, after FROM and JOIN."""

    def view(found: re.Match[str]) -> str:
        return found[1] + names.get(found[2], found[2])

    return re.sub(r"((?:FROM|JOIN) )(\w+)(?= AS )", view, query)
