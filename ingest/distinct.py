"""Functions that Python answers once for a text that comes often, also as functions of SQL."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import duckdb

T = TypeVar("T")
# so many texts are remembered, and none that is longer, so that no sender fills the memory of what runs for months
MOST_KNOWN, LONGEST_KNOWN = 65_536, 500


def remembered(answer: Callable[[str], T]) -> Callable[[str], T]:
    """A function of a text that remembers what it answered last."""
    known = lru_cache(maxsize=MOST_KNOWN)(answer)
    return lambda text: known(text) if len(text) <= LONGEST_KNOWN else answer(text)


def make_function(
    connection: duckdb.DuckDBPyConnection, name: str, answer: Callable[[str], Any], fields: dict[str, str] | None = None
) -> None:
    """Give a connection the function `name(text)`: a text, or a struct of text `fields`; null for null."""
    known = remembered(answer)

    # DuckDB evaluates the annotations of what it is given, and a load without such texts needs no Arrow
    def answers(texts: Any) -> Any:
        import pyarrow as pa

        whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        encoded = whole.dictionary_encode()
        answered = [known(text) for text in encoded.dictionary.to_pylist()]
        kind = pa.struct([(field, pa.string()) for field in fields]) if fields else pa.string()
        return pa.array(answered, type=kind).take(encoded.indices)

    returned: Any = duckdb.struct_type(fields) if fields else "VARCHAR"
    parameters: Any = ["VARCHAR"]
    # Arrow's nulls stay nulls by themselves; DuckDB by default takes an answer of null for a fault
    options: Any = {"type": "arrow", "null_handling": "special"}
    connection.create_function(name, answers, parameters, returned, **options)
