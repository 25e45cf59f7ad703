"""What the rules say means the same: each case of test_translation is computed by both engines, over the same rows."""

import importlib.util
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.values import install_macros, value_macros
from spark.functions import from_spark, to_spark
from spark.run import Runner
from spark.session import open_session
from spark.shapes import Shapes
from spark.translation import translate
from tests.spark.test_translation import COLUMNS, FOR_DUCKDB, SAID, STATEMENTS

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is missing: footfall[spark]"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Java is missing, which Spark runs on"),
]

ROWS = """
    (1, 'a', date '2024-01-31', timestamp '2024-01-31 23:59:59.999999', 1.25, 0.5, 18446744073709551615, [3, 1, null],
        map {'a': 'x'}, {'city': 'Riga'}, true),
    (2, 'b.b', date '2024-02-29', timestamp '2024-03-01 00:00:00', -2.5, 2.5, 7, [1, 2], map {}, {'city': null}, false),
    (3, 'a', date '1999-12-31', timestamp '2000-01-01 12:00:00', 3.5, -1.5, 9223372036854775808, [],
        map {'b': 'y'}, null, null),
    (4, null, null, null, null, null, null, null, null, null, true),
    (-5, ' A1b ', date '2024-03-31', timestamp '2024-03-31 01:30:00.5', 0.5, 1e20, 0, [7],
        map {'a': null}, {'city': ''}, true)
"""
# what a value of theirs cannot be read as is an error in both
READABLE = {
    # no row of the models that are looked for has a null
    "a row is looked for among rows": (
        "select id from rows where (id, name) in (select (id, name) from rows where name is not null)"
    ),
    "a cast that may fail takes its case with it": (
        "select case when name = '12' then cast(name as bigint) end as found from rows"
    ),
    "a text is read by one engine": "select cast(name as date) as found from rows where name = '2024-01-01'",
    "a division is one of doubles": "select amount / id as found from rows",
    "a cast of a double rounds to the even one": "select cast(share as bigint) as found from rows where share < 1e18",
}


@dataclass
class Engines:
    """Both engines over the same rows."""

    connection: duckdb.DuckDBPyConnection
    runner: Runner

    def answers(self, sql: str) -> tuple[list[Any], list[Any]]:
        """What DuckDB and Spark make of a query, in any order."""
        translation = translate(sql, Shapes(self.connection))
        self.runner.run("found", translation, is_table=True)
        told = ", ".join(from_spark(f'"{name}"', kind) + f' as "{name}"' for name, kind in translation.columns.items())
        ours = self.connection.execute(f"select {told} from '{self.runner.folder}/found/*.parquet'").fetchall()
        return ordered(self.connection.execute(sql).fetchall()), ordered(ours)


def ordered(rows: list[Any]) -> list[Any]:
    """Rows in an order of their own, doubles to nine digits."""
    return sorted((tuple(map(rounded, row)) for row in rows), key=repr)


def rounded(value: Any) -> Any:
    """A value, and a double to nine digits."""
    return float(f"{value:.9g}") if isinstance(value, float) and math.isfinite(value) else value


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    folder: Path = tmp_path_factory.mktemp("spark")
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    install_macros(connection)
    connection.execute(f"create table rows ({COLUMNS})")
    connection.execute(f"insert into rows values {ROWS}")
    columns = {name: kind for name, kind, *_ in connection.execute("describe rows").fetchall()}
    told = ", ".join(f'{to_spark(name, kind)} as "{name}"' for name, kind in columns.items())
    connection.execute(f"copy (select {told} from rows) to '{folder}/rows.parquet' (format parquet)")
    session = open_session({"spark.master": "local[1]", "spark.sql.shuffle.partitions": "1"})
    runner = Runner(session, str(folder / "made"), value_macros())
    runner.read_table("rows", str(folder / "rows.parquet"), columns)
    yield Engines(connection, runner)
    session.stop()


CASES = {
    **{rule: f"select {expression} as found from rows" for rule, (expression, _) in SAID.items()},
    **{rule: f"select {case[0]} as found from rows" for rule, case in FOR_DUCKDB.items()},
    **{rule: statement for rule, (statement, _) in STATEMENTS.items()},
    "a walk by keys": (
        "with recursive links as (select id, id - 1 as other from rows where id > 0), "
        "reached (id, least_id) using key (id) as (select id, id as least_id from links union "
        "select links.id, min(near.least_id) as least_id from reached as near "
        "inner join links on near.id = links.other inner join recurring.reached as own on links.id = own.id "
        "where near.least_id < own.least_id group by links.id) "
        "select * from reached"
    ),
    "a walk": (
        "with recursive walked as (select id, 1 as step from rows union all "
        "select id + 1, step + 1 from walked where step < 3) select * from walked"
    ),
    **READABLE,
}


# what no file can hold, or a row of names without names
NOT_ALONE = {"a row is a struct", "a key to sort by", "an interval may stand in a column"}


@pytest.mark.parametrize("rule", sorted(CASES.keys() - NOT_ALONE))
def test_both_engines_say_the_same(rule: str, engines: Engines) -> None:
    on_duckdb, on_spark = engines.answers(CASES[rule])
    assert on_spark == on_duckdb
