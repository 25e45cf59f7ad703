"""What docs/bi tells is what happens: its Python runs as it stands, and its Superset script in a Superset."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.serving.report.homes import REPOSITORY, clocks, metric, publish_rows

FOLDER = REPOSITORY / "docs" / "bi"
BLOCKS = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
SUPERSET = os.environ.get("FOOTFALL_SUPERSET_URL")
MONTHS = {"2025-03-01": 40.0, "2025-04-01": 50.0, "2025-05-01": 60.0}
SQL = "select period_start, metric_value from metric_active_persons where segment = 'all' order by period_start"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    every = {"period": "month", "segment": "all", "segment_value": "all", "is_complete": True}
    counts = {"new_persons": 3, "returning_persons": 6, "resurrected_persons": 1, "dormant_persons": 2}
    rows = {
        "int_data_clocks": clocks("shop"),
        "metric_active_persons": [*metric(MONTHS), *metric(MONTHS, app="shop")],
        "metric_bounce_rate": metric(dict.fromkeys(MONTHS, 0.5)),
        "fct_growth_accounting": [{**every, "period_start": start, **counts} for start in MONTHS],
        "fct_revenue_overview": [{**every, "period_start": start, "revenue_cents": 1250} for start in MONTHS],
    }
    made = publish_rows(tmp_path / "home", rows)
    # a build writes the tables as Parquet beside
    parquet = (made / "published" / "parquet").resolve()
    parquet.mkdir()
    with duckdb.connect(str(made / "published" / "marts.duckdb"), read_only=True) as marts:
        marts.execute(f"copy fct_growth_accounting to '{parquet}/fct_growth_accounting.parquet'")
    return made


def test_there_are_recipes_for_notebooks() -> None:
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("block", BLOCKS, ids=[f"block {number}" for number in range(1, len(BLOCKS) + 1)])
def test_a_notebooks_cell_runs_as_it_stands(home: Path, block: str) -> None:
    done = subprocess.run([sys.executable, "-c", block], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (
        ("60" in done.stdout)
        or ("12.5" in done.stdout)
        or ("2025-05-01" in done.stdout)
        or ("Active persons" in done.stdout)
    )


def test_the_superset_script_names_what_is_published() -> None:
    script = _script()
    from tests.serving.report.homes import contracts

    known = contracts()
    for relation, _, measures in script.CHARTS.values():
        named = {name for _, sql in measures for name in re.findall(r"\((\w+)\)", sql)}
        assert named and named <= known[relation].keys()
        assert {"period", "period_start", "segment", "is_complete"} <= known[relation].keys()


@pytest.mark.skipif(
    SUPERSET is None,
    reason="no Superset: start one by docs/bi/README.md and set FOOTFALL_SUPERSET_URL, SUPERSET_PASSWORD",
)
def test_superset_shows_what_is_published_and_then_what_is_published_next(home: Path) -> None:
    script, name = _script(), f"Trial {home.parent.name} {os.getpid()}"
    marts = home / "published" / "marts.duckdb"
    command = [
        sys.executable,
        str(FOLDER / "superset.py"),
        "--marts",
        str(marts),
        "--url",
        str(SUPERSET),
        "--name",
        name,
    ]
    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert first.startswith("4 charts on ")
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == first
    superset = script.Superset(str(SUPERSET), "admin", os.environ["SUPERSET_PASSWORD"])
    asked = json.dumps({"filters": [{"col": "database_name", "opr": "eq", "value": name}]})
    database = superset.call("GET", f"database/?q={script.urllib.parse.quote(asked)}")["result"][0]["id"]

    try:
        _follows(superset, database, marts)
    finally:
        _forget(superset, database)


def _follows(superset: Any, database: int, marts: Path) -> None:
    def rows() -> list[Any]:
        said = {"database_id": database, "sql": SQL, "schema": "main", "runAsync": False, "queryLimit": 100}
        return [row["metric_value"] for row in superset.call("POST", "sqllab/execute/", said)["data"]]

    assert rows() == [*MONTHS.values()]
    # the next publication takes the place of this one in one step
    following = marts.resolve().with_name("next.duckdb")
    following.write_bytes(marts.read_bytes())
    with duckdb.connect(str(following)) as fresh:
        fresh.execute("update metric_active_persons set metric_value = metric_value + 1")
    following.replace(marts.resolve())
    assert rows() == [value + 1 for value in MONTHS.values()]
    with pytest.raises(SystemExit, match="refuses"):
        superset.call(
            "POST",
            "sqllab/execute/",
            {"database_id": database, "sql": "drop table dim_dates", "schema": "main", "runAsync": False},
        )


def _forget(superset: Any, database: int) -> None:
    """Take away what the script made: by default Superset's own store has room for one dataset of a name."""
    for dataset in superset.call("GET", f"database/{database}/related_objects/")["charts"]["result"]:
        superset.call("DELETE", f"chart/{dataset['id']}")
    found = superset.call("GET", "dataset/?q=(page_size:100)")["result"]
    for dataset in found:
        if dataset["database"]["id"] == database:
            superset.call("DELETE", f"dataset/{dataset['id']}")
    superset.call("DELETE", f"database/{database}")


def _script() -> Any:
    found = importlib.util.spec_from_file_location("superset_script", FOLDER / "superset.py")
    assert found and found.loader
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made
