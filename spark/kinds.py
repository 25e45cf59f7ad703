"""DuckDB's types as Spark and Arrow carry them."""

from __future__ import annotations

import re

PLAIN = {
    "VARCHAR": "STRING",
    "JSON": "STRING",
    "BIGINT": "BIGINT",
    "INTEGER": "INT",
    "SMALLINT": "SMALLINT",
    "TINYINT": "TINYINT",
    "DOUBLE": "DOUBLE",
    "FLOAT": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    # Spark has no unsigned numbers: the same bits, so that equality and exclusive or stay what they are
    "UBIGINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "HUGEINT": "DECIMAL(38, 0)",
    '"NULL"': "INT",
}


def spark_type(kind: str) -> str:
    """The type of Spark that carries one of DuckDB's.

    Raises:
        ValueError: when Spark has none.
    """
    if kind.endswith("[]"):
        return f"ARRAY<{spark_type(kind[:-2])}>"
    if kind.startswith("STRUCT("):
        return f"STRUCT<{', '.join(f'`{name}`: {spark_type(own)}' for name, own in fields_of(kind))}>"
    if kind.startswith("MAP("):
        key, value = _split(kind[4:-1])
        return f"MAP<{spark_type(key)}, {spark_type(value)}>"
    if kind.startswith("DECIMAL"):
        return kind if "(" in kind else "DECIMAL(18, 3)"
    if kind not in PLAIN:
        raise ValueError(f"Spark has no type for DuckDB's {kind}.")
    return PLAIN[kind]


def is_struct(kind: str) -> bool:
    """Whether a type is a struct, and no list of structs."""
    return kind.startswith("STRUCT(") and kind.endswith(")")


def element_of(kind: str) -> str | None:
    """The type of a list's elements, or of a map's values."""
    if kind.endswith("[]"):
        return kind[:-2]
    return _split(kind[4:-1])[1] if kind.startswith("MAP(") else None


def fields_of(kind: str) -> list[tuple[str, str]]:
    """Names and types of the fields of a struct."""
    if not is_struct(kind):
        return []
    found = []
    for part in _split(kind[7:-1]):
        name, own = re.fullmatch(r'("(?:[^"]|"")*"|\w+) (.*)', part, re.DOTALL).groups()  # type: ignore[union-attr]
        found.append((name.strip('"'), own))
    return found


def _split(text: str) -> list[str]:
    """The parts of a list by its commas, but for those in parentheses."""
    parts, depth = [""], 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]
