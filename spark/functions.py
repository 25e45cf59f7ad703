"""What DuckDB computes for Spark: expressions over Arrow batches, on the workers, each in a database of its own."""

# what is joined to SQL is what the translation said
# ruff: noqa: S608

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from spark.kinds import spark_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyspark.sql import SparkSession

    from spark.translation import Function

# what an unsigned number of 64 bits counts to before it begins again
ALL_BITS = 1 << 64
# one database for each worker process and text of macros
_DATABASES: dict[str, duckdb.DuckDBPyConnection] = {}


def register(session: SparkSession, functions: Iterable[Function], macros: str, known: set[str]) -> None:
    """Let Spark call functions by their names.

    Args:
        session: in which they are known.
        functions: what the translation of a model asks of DuckDB.
        macros: the SQL of the project's functions, as the driver's settings make it.
        known: the names that the session knows already, to which these are added.
    """
    from pyspark.sql.functions import arrow_udf

    for function in functions:
        if function.name in known:
            continue
        known.add(function.name)
        computed = arrow_udf(computing(function, macros), spark_type(function.gives))
        session.udf.register(function.name, computed)


def computing(function: Function, macros: str) -> Callable[..., pa.Array]:
    """A function of Arrow arrays that DuckDB computes, whose values Spark takes as they are."""
    query = _query(function)

    # by the type hints Spark tells a function of arrays from one of batches
    def compute(*arrays: pa.Array) -> pa.Array:
        database = _database(macros)
        database.register("batch", pa.table(list(arrays), names=[f"a{number}" for number in range(len(arrays))]))
        try:
            return database.execute(query).to_arrow_table().column(0).combine_chunks()
        finally:
            database.unregister("batch")

    return compute


def _query(function: Function) -> str:
    columns = ", ".join(f"{from_spark(f'a{number}', kind)} as a{number}" for number, kind in enumerate(function.takes))
    computed = f"select {function.sql} as value from (select {columns} from batch)"
    return f"select {to_spark('value', function.gives)} from ({computed})"


def from_spark(value: str, kind: str) -> str:
    """A column as Spark carries it, as DuckDB has it."""
    if kind == "UBIGINT":
        wrapped = f"cast({value} as hugeint) + {ALL_BITS}"
        return f"cast(case when {value} < 0 then {wrapped} else {value} end as ubigint)"
    if kind == "UBIGINT[]":
        return f"list_transform({value}, lambda one: {from_spark('one', 'UBIGINT')})"
    if kind in ("DECIMAL", '"NULL"'):
        return value
    return f"cast({value} as {kind})"


def to_spark(value: str, kind: str) -> str:
    """A column of DuckDB as Spark carries it."""
    if kind == "UBIGINT":
        wrapped = f"cast({value} as hugeint) - {ALL_BITS}"
        return f"cast(case when {value} > 9223372036854775807 then {wrapped} else {value} end as bigint)"
    if kind == "UBIGINT[]":
        return f"list_transform({value}, lambda one: {to_spark('one', 'UBIGINT')})"
    if kind == "HUGEINT":
        return f"cast({value} as decimal(38, 0))"
    if kind in ("JSON", "JSON[]"):
        return f"cast({value} as varchar{kind[4:]})"
    return value


def _database(macros: str) -> duckdb.DuckDBPyConnection:
    if macros not in _DATABASES:
        database = duckdb.connect(config={"threads": 1})
        database.execute("set TimeZone = 'UTC'")
        database.execute(macros)
        _DATABASES[macros] = database
    return _DATABASES[macros]
