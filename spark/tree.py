"""SQLGlot's tree: the two dialects, and what the rewrites share."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.dialects.databricks import Databricks

from spark.shapes import PlainDuckDB


class SparkSQL(Databricks):
    """Spark 4's SQL, which has QUALIFY; positions in lists as they are written."""

    INDEX_OFFSET = 0


def duckdb_text(node: exp.Expr) -> str:
    """An expression in DuckDB's words."""
    return node.sql(PlainDuckDB)


def type_name(kind: exp.Expr) -> str:
    """A type as DuckDB calls it."""
    names = {"TEXT": "VARCHAR", "INT": "INTEGER", "INT128": "HUGEINT"}
    return re.sub(r"\b(TEXT|INT|INT128)\b", lambda found: names[found[1]], kind.sql(PlainDuckDB))


def widest(kinds: list[str | None]) -> str | None:
    """The type of a value that is of one of several."""
    found = [kind for kind in kinds if kind and kind != '"NULL"']
    for kind in ("DOUBLE", "DECIMAL", "HUGEINT", "TIMESTAMP", "BIGINT"):
        for own in found:
            if own.startswith(kind) and not own.endswith("]"):
                return own
    return found[0] if found else None


def type_of_arithmetic(left: str | None, right: str | None) -> str | None:
    """The type of a sum, a difference or a product."""
    if "DATE" in (left, right):
        if left == right:
            return "BIGINT"
        return "TIMESTAMP" if "INTERVAL" in (left, right) else "DATE"
    if "TIMESTAMP" in (left, right):
        return "INTERVAL" if left == right else "TIMESTAMP"
    return widest([left, right])


def is_written_otherwise(kind: str | None) -> bool:
    """Whether the two engines write a value of a type as different texts."""
    return (
        kind is None
        or kind.startswith(("DOUBLE", "FLOAT", "DECIMAL", "TIMESTAMP", "UBIGINT", "STRUCT", "MAP"))
        or "[" in kind
    )


def said(name: str, *arguments: exp.Expr | str, kind: str | None = None) -> exp.Anonymous:
    """A function by its name in Spark; texts are SQL of Spark's."""
    nodes = [sqlglot.parse_one(a, dialect=SparkSQL) if isinstance(a, str) else a for a in arguments]
    call = exp.Anonymous(this=name, expressions=[node.copy() for node in nodes])
    call.meta["said"] = True
    if kind:
        call.meta["kind"] = kind
    return call


def kind_of(node: exp.Expr | None) -> str:
    """DuckDB's type of a node, as it was noted on it; blank where it is not known."""
    return (node.meta.get("kind") or "") if node is not None else ""
