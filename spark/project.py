"""A dbt project as it was compiled, and its models in Spark's words, without Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from spark.rewrites import UntranslatableError
from spark.shapes import Shapes
from spark.translation import Translation, translate


@dataclass(frozen=True)
class Project:
    """A dbt project as it was compiled for DuckDB.

    Attributes:
        nodes: of dbt's manifest: its seeds and models, each with its compiled query.
        folder: of the project, in which the Python models lie.
    """

    nodes: Mapping[str, Mapping[str, Any]]
    folder: Path

    def in_order(self) -> list[Mapping[str, Any]]:
        """Seeds and models, each after those that it reads."""
        kept = {key: node for key, node in self.nodes.items() if node["resource_type"] in ("model", "seed")}
        read = {key: set(node.get("depends_on", {}).get("nodes", [])) & kept.keys() for key, node in kept.items()}
        return [kept[key] for key in TopologicalSorter(read).static_order()]


def make_shapes(
    connection: duckdb.DuckDBPyConnection, project: Project
) -> Iterator[tuple[Mapping[str, Any], Translation | None]]:
    """Translate the models in order, each after an empty relation of its name and types was made.

    Args:
        connection: a database that holds the seeds, a table `landed_events` and the project's functions.
        project: its nodes.

    Yields:
        Each seed and model, with what Spark runs for it; None for seeds and Python models.

    Raises:
        UntranslatableError: naming the model.
    """
    shapes = Shapes(connection)
    for node in project.in_order():
        if node["resource_type"] == "seed" or node["language"] != "sql":
            yield node, None
            continue
        try:
            translation = translate(node["compiled_code"], shapes)
        except (UntranslatableError, ValueError, duckdb.Error) as error:
            raise UntranslatableError(f"{node['name']}: {error}") from error
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        rows = "" if kind == "view" else " with no data"
        connection.execute(f"create or replace {kind} {node['relation_name']} as ({node['compiled_code']}\n){rows}")
        yield node, translation
