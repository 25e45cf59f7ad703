"""What is taken along is what is published: typed, described, whole or not there."""

import datetime as dt
import json
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from serving import export
from serving.export import ExportError, export_mart, export_marts, export_rows

ROWS = [
    ("=1+1", 3, 1.5, Decimal("12.30"), True, dt.date(2025, 3, 1), dt.datetime(2025, 3, 1, 10, 0, 1), ["a", "b"]),
    (None, None, None, None, None, None, None, None),
    ("@SUM(A1)", 2**60, float("inf"), Decimal("0.10"), False, dt.date(1899, 1, 1), dt.datetime(1, 1, 1), []),
    ("http://x.example/ä", -1, -0.25, Decimal("-1.00"), False, dt.date(2024, 2, 29), dt.datetime(2024, 2, 29), ["ü"]),
]
TYPES = ("VARCHAR", "BIGINT", "DOUBLE", "DECIMAL(10,2)", "BOOLEAN", "DATE", "TIMESTAMP", "VARCHAR[]")
NAMES = ("words", "number", "share", "amount", "is_it", "some_date", "some_at", "listed")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a publication of a table, a view of it, and what is of our own readers."""
    home = tmp_path / "home"
    folder = home / "published" / "publications" / "20250101"
    folder.mkdir(parents=True)
    (home / "published" / "current").symlink_to("publications/20250101")
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, TYPES, strict=True))
    with duckdb.connect(str(folder / "marts.duckdb")) as connection:
        connection.execute(f"create table fct_things ({columns})")
        connection.executemany(f"insert into fct_things values ({', '.join('?' * len(NAMES))})", ROWS)
        connection.execute("create view dim_words as select words from fct_things where words is not null")
        connection.execute("create schema internal; create table internal.int_own as select 1 as key")
    described = [
        {"name": name, "type": kind, "description": f"It's {name}."} for name, kind in zip(NAMES, TYPES, strict=True)
    ]
    relations = {
        "fct_things": {"is_internal": False, "description": "One row per thing.\n", "columns": described},
        "dim_words": {"is_internal": False, "description": "One row per word.", "columns": described[:1]},
        "int_own": {"is_internal": True, "description": "", "columns": []},
    }
    (folder / "catalog.json").write_text(json.dumps({"inputs": {}, "relations": relations}))
    return home


def test_all_marts_in_one_file_need_no_other(home: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.duckdb"
    assert export_marts(home, taken) == 2
    (home / "published").rename(tmp_path / "gone")
    with duckdb.connect(str(taken), read_only=True) as connection:
        assert connection.execute("from fct_things").fetchall() == ROWS
        assert connection.execute("from dim_words order by 1").fetchall() == [("=1+1",), ("@SUM(A1)",), (ROWS[3][0],)]
        told = "select comment from duckdb_tables() union all select comment from duckdb_columns()"
        said = {comment for (comment,) in connection.execute(told).fetchall()}
        assert {"One row per thing.", "One row per word.", "It's words.", "It's some_at."} <= said
        assert connection.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gone", "home", "taken.duckdb"]


def test_of_a_publication_of_the_first_layout_marts_are_taken_too(home: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb")) as connection:
        connection.execute("drop schema internal cascade; create table int_own as select 1 as key")
    assert export_marts(home, tmp_path / "taken.duckdb") == 2
    assert export_mart(home, "dim_words", tmp_path / "words.csv") == 3


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_mart_is_exact_and_in_the_order_of_its_columns(home: Path, tmp_path: Path, ending: str) -> None:
    taken = tmp_path / f"things.{ending}"
    assert export_mart(home, "fct_things", taken) == 4
    read = f"read_csv('{taken}', columns = {dict(zip(NAMES, TYPES, strict=True))})" if ending == "csv" else f"'{taken}'"
    in_order = [ROWS[0], ROWS[2], ROWS[3], ROWS[1]]
    assert duckdb.execute(f"from {read}").fetchall() == in_order
    if ending == "parquet":
        described = duckdb.execute(f"describe from {read}").fetchall()
        assert [(name, kind) for name, kind, *_ in described] == list(zip(NAMES, TYPES, strict=True))


def test_excel_has_typed_cells_and_its_text_is_never_a_formula(home: Path, tmp_path: Path) -> None:
    taken = tmp_path / "things.xlsx"
    assert export_mart(home, "fct_things", taken) == 4
    sheet = openpyxl.load_workbook(taken).active
    assert sheet is not None and sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:H5"
    header, first, third, fourth = sheet.iter_rows()  # of the last nothing is known
    assert tuple(cell.value for cell in header) == NAMES and header[0].font.bold
    assert [cell.data_type for cell in first] == ["s", "n", "n", "n", "b", "d", "d", "s"]
    assert [cell.value for cell in first] == [
        *("=1+1", 3, 1.5, 12.3, True, dt.datetime(2025, 3, 1), dt.datetime(2025, 3, 1, 10, 0, 1)),
        '["a", "b"]',
    ]
    # what Excel has no number or day for is there as it is written
    assert [cell.value for cell in third] == [
        *("@SUM(A1)", str(2**60), "inf", 0.1, False, "1899-01-01", "0001-01-01T00:00:00", "[]"),
    ]  # fmt: skip
    assert fourth[0].value == "http://x.example/ä" and fourth[0].hyperlink is None and fourth[0].data_type == "s"
    # a day or a number that has no room is shown as ####
    widths = {name: sheet.column_dimensions[letter].width for name, letter in zip(NAMES, "ABCDEFGH", strict=True)}
    assert widths["words"] > len("http://x.example/ä") and widths["number"] > len(str(2**60)) > widths["is_it"]
    assert widths["some_at"] > len("2025-03-01 10:00:01")


def test_what_excel_cannot_hold_is_an_error_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExportError, match=r"words in row 1 of answer has 40,000 characters.*32,767.*Parquet or CSV"):
        export_rows(["words"], ["VARCHAR"], [["x" * 40_000]], tmp_path / "a.xlsx")
    monkeypatch.setattr(export, "MOST_ROWS", 2)
    with pytest.raises(ExportError, match=r"more rows than a sheet of Excel, 2"):
        export_rows(["n"], ["BIGINT"], [[1], [2], [3]], tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_an_answers_text_of_days_is_days_again(tmp_path: Path) -> None:
    rows = [["2025-01-01", "2025-01-01T10:00:00", None, 2], ["2025-02-01", None, "x", 3]]
    taken = tmp_path / "answer.parquet"
    assert export_rows(["day", "moment", "words", "n"], ["DATE", "TIMESTAMP", "VARCHAR", "HUGEINT"], rows, taken) == 2
    found = duckdb.execute(f"select day, moment, words, n::bigint from '{taken}'").fetchall()
    assert found == [
        (dt.date(2025, 1, 1), dt.datetime(2025, 1, 1, 10), None, 2),
        (dt.date(2025, 2, 1), None, "x", 3),
    ]


def test_many_rows_of_an_answer_are_each_as_they_were(tmp_path: Path) -> None:
    values = {
        "DOUBLE": [1.5, float("inf"), float("nan"), None, -0.0], "BIGINT": [2**62 + 1, None, -1],
        "HUGEINT": [2**100, 1, None], "DECIMAL(10,2)": [1.1, 0.005, None], "BOOLEAN": [True, None],
        "VARCHAR[]": [["a", None], [], None], "MAP(VARCHAR, BIGINT)": [{"a": 1}, {"b": 2, "c": 3}, None, {}],
        "TIMESTAMP WITH TIME ZONE": ["2025-10-26T02:30:00+02:00", None, "2025-10-26T02:30:00+01:00"],
        "BLOB": [b"\x00\xff", None], "STRUCT(a INTEGER)": [{"a": 1}, None],
    }  # fmt: skip
    rows = [[of[place % len(of)] for of in values.values()] for place in range(257)]
    columns, taken = [f"c{place}" for place in range(len(values))], tmp_path / "answer.parquet"
    assert export_rows(columns, [*values], rows, taken) == 257
    with duckdb.connect() as connection:
        connection.execute(f"create table one ({', '.join(map(' '.join, zip(columns, values, strict=True)))})")
        for row in rows:
            connection.execute(f"insert into one values ({', '.join('?' * len(row))})", row)
        connection.execute(f"copy one to '{tmp_path / 'one.parquet'}' (format parquet)")
        wanted, written = (
            connection.execute(f"select columns(*)::varchar from '{path}'").fetchall()
            for path in (tmp_path / "one.parquet", taken)
        )
    assert written == wanted


@pytest.mark.parametrize(
    ("what", "to", "said"),
    [
        ("fct_thing", "a.csv", r"There is no mart fct_thing\. Did you mean fct_things\?"),
        ("int_own", "a.csv", r"There is no mart int_own"),
        ("fct_things", "a.txt", r"does not say its format\. End it in \.csv, \.parquet or \.xlsx"),
        ("marts", "a.csv", r"is no name of a DuckDB file"),
        ("fct_things", "there.csv", r"is there already\. Name another file, or say --replace"),
        ("fct_things", "none/a.csv", r"There is no folder"),
        ("fct_things", "home/published/a.csv", r"lies among what is published"),
    ],
)
def test_what_cannot_be_is_said_with_its_mend(home: Path, tmp_path: Path, what: str, to: str, said: str) -> None:
    (tmp_path / "there.csv").write_text("mine")
    done = CliRunner().invoke(app, ["export", what, "--to", str(tmp_path / to), "--home", str(home)])
    assert done.exit_code == 2
    assert re.search(said, done.output)
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_a_file_is_replaced_where_that_is_said(home: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    arguments = ["export", "dim_words", "--to", str(there), "--replace", "--home", str(home)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert there.read_text() == "words\n=1+1\n@SUM(A1)\nhttp://x.example/ä\n"


def test_without_a_publication_it_is_said_what_to_do(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "marts", "--to", str(tmp_path / "a.duckdb"), "--home", str(tmp_path)])
    assert done.exit_code == 1 and "Run `footfall build` first." in done.output
