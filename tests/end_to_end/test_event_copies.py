"""The law that looks from outside: what a load accepted is staged, or superseded by a copy that is."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ingest
from tests.end_to_end.dbt_project import copy_part, run_dbt

LAW, WARNING = "assert_every_accepted_event_is_staged_or_superseded", "assert_few_copies_of_an_event_differ"
MODELS = ("fct_event_copies", "fct_app_copies", "stg_reported_spend")


def event(number: int, app: str = "shop", **properties: Any) -> dict[str, Any]:
    return {"app": app, "event_id": f"e{number}", "event_name": "order", "occurred_at": "2025-03-01T10:00:00Z"} | {
        "user_id": "u",
        "properties": properties,
    }


def load(home: Path, name: str, *events: dict[str, Any]) -> None:
    (home / name).write_text("".join(json.dumps(each) + "\n" for each in events))
    ingest.load([home / name], home)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_part(tmp_path_factory.mktemp("copies") / "project", MODELS)


def build(home: Path, project: Path) -> None:
    only = ("--resource-type=seed", "--resource-type=model", "--no-write-json")
    run_dbt(home, "build", *only, "--select", *(f"+{model}" for model in MODELS), project=project)


def proved(home: Path, project: Path, **settings: str) -> dict[str, str]:
    return run_dbt(home, "test", "--select", LAW, WARNING, project=project, settings=settings)


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_what_was_accepted_is_staged_or_superseded_and_copies_are_counted(tmp_path, project):
    home = tmp_path / "home"
    home.mkdir()
    # of one id twice the same, and of another three contents; the other app numbers its orders alike
    load(home, "a.ndjson", event(1, n=1), event(1, n=1), event(2, n=1), event(2, n=2), *(event(n) for n in range(3, 9)))
    load(home, "b.ndjson", event(2, app="cafe", n=7))
    (home / "spend.csv").write_text("date,channel,amount\n2025-03-01,Email,1.50\n")
    ingest.load([home / "spend.csv"], home, kind="spend")
    build(home, project)
    assert proved(home, project) == {LAW: "pass", WARNING: "warn"}
    assert proved(home, project, FOOTFALL_MAX_CONFLICTING_SHARE="0.5") == {LAW: "pass", WARNING: "pass"}
    assert query(home, "from fct_event_copies") == [("shop", "e2", query(home, "select date '2025-03-01'")[0][0], 2, 1)]
    load(home, "c.ndjson", event(2, n=3), event(8))
    build(home, project)
    assert query(home, "select copies, conflicting_copies from fct_event_copies") == [(3, 2)]
    found = query(home, "from fct_app_copies order by app")
    assert [row[:4] for row in found] == [("cafe", 1, 0, 0), ("shop", 8, 1, 2)]
    assert found[1][4] == pytest.approx(2 / 10)


def test_an_event_that_is_lost_on_the_way_is_found(tmp_path, project):
    home = tmp_path / "home"
    home.mkdir()
    load(home, "a.ndjson", event(1), event(2), event(2, n=2))
    build(home, project)
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        # both copies are said to be superseded, and no event of their id is left
        connection.execute("""insert into stg_superseded_copies by name
            select * replace (3 - row_number as row_number) from stg_superseded_copies""")
    with pytest.raises(AssertionError, match="Got 2 results"):
        proved(home, project)


def test_a_batch_that_holds_less_than_it_accepted_is_found(tmp_path, project):
    home = tmp_path / "home"
    home.mkdir()
    load(home, "a.ndjson", event(1), event(2))
    build(home, project)
    (manifest,) = (home / "landing" / "batches").glob("[0-9]*.json")
    manifest.write_text(manifest.read_text().replace('"accepted": 2', '"accepted": 4'))
    with pytest.raises(AssertionError, match="Got 1 result"):
        proved(home, project)
