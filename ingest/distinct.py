"""Functions of SQL that Python answers, once for each distinct text of a load."""

from collections.abc import Callable
from typing import Any

import duckdb


def make_function(
    connection: duckdb.DuckDBPyConnection, name: str, answer: Callable[[str], Any], fields: dict[str, str] | None = None
) -> None:
    """Give a connection the function `name(text)`: a text, or a struct of text `fields`; null for null."""
    known: dict[str, Any] = {}

    # DuckDB evaluates the annotations of what it is given, and a load without such texts needs no Arrow
    def answers(texts: Any) -> Any:
        import pyarrow as pa

        whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        encoded = whole.dictionary_encode()
        listed = encoded.dictionary.to_pylist()
        for text in listed:
            if text not in known:
                known[text] = answer(text)
        kind = pa.struct([(field, pa.string()) for field in fields]) if fields else pa.string()
        return pa.array([known[text] for text in listed], type=kind).take(encoded.indices)

    returned: Any = duckdb.struct_type(fields) if fields else "VARCHAR"
    parameters: Any = ["VARCHAR"]
    # Arrow's nulls stay nulls by themselves; DuckDB by default takes an answer of null for a fault
    options: Any = {"type": "arrow", "null_handling": "special"}
    connection.create_function(name, answers, parameters, returned, **options)
