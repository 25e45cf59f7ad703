"""What is no id: one list, for the loader and the models alike."""

import duckdb
import pytest

from ingest.values import install_macros, value_macros, values_version


def read(macro: str, *texts: str | None) -> list[str | None]:
    connection = duckdb.connect()
    connection.execute(value_macros())
    return [connection.execute(f"select {macro}(?::varchar)", [text]).fetchall()[0][0] for text in texts]


NOTHING = ("", " ", "NULL", "None", "nil", "Undefined", "nan", "n/a", "(none)", "(Not Set)", "unknown", "anonymous")
NOTHING += (
    "guest",
    "FALSE",
    "[object Object]",
    "-1",
    " -1 ",
    "-1.0",
    "{}",
    "[]",
    "00000000-0000-0000-0000-000000000000",
)


@pytest.mark.parametrize("macro", ["clean_id", "clean_item_id"])
def test_what_is_listed_is_no_id(macro):
    assert read(macro, None, *NOTHING) == [None] * (len(NOTHING) + 1)
    # what only looks like it
    ids = ("guest-1", "nullable", "-10", "1", "00", "00000000-0000-0000-0000-000000000001", "{}1", "x" * 15, "y" * 36)
    assert read(macro, *ids) == list(ids)
    assert read(macro, "\t a b\n") == ["a b"]


def test_zero_is_nobody_but_an_event_and_an_item():
    assert read("clean_id", "0", " 0", "0.0") == [None, None, None]
    assert read("clean_item_id", "0", " 0") == ["0", "0"]


def test_the_list_is_a_setting_and_part_of_the_version(monkeypatch):
    version, connection = values_version(), duckdb.connect()
    install_macros(connection)
    monkeypatch.setenv("FOOTFALL_ID_SENTINELS", "Nobody's, x,-9, a longer sentinel")
    assert values_version() != version
    assert read("clean_id", "nobody's", "X", "-9.0", "A longer Sentinel", "", "null") == [None] * 5 + ["null"]
    # a database that has the macros of another list takes those of this one
    install_macros(connection)
    assert connection.execute("select clean_id('guest'), clean_id('x'), values_version()").fetchone() == (
        "guest",
        None,
        values_version(),
    )
