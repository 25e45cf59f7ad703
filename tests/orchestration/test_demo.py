"""The demo works on a fresh home, and a second time changes nothing."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from demo import studio, volt
from serving import reader
from serving.publications import current_publication, list_publications

DATA = Path(studio.__file__).parent / "data"


def demo() -> str:
    footfall = str(Path(sys.executable).parent / "footfall")
    done = subprocess.run([footfall, "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("product", [studio, volt], ids=lambda product: product.__name__)
def test_a_synthetic_product_is_drawn_again_row_for_row(product: ModuleType) -> None:
    """Its file is what its script makes, on any machine."""
    name = product.__name__.removeprefix("demo.")
    events = duckdb.sql(f"from read_parquet('{DATA / name}.parquet')").fetchall()
    assert [(row[0], row[2], row[3], row[4], json.loads(row[6])) for row in events] == [
        (event["event_id"], event["event_name"], event["occurred_at"], event["user_id"], event["properties"])
        for event in product.events()
    ]


def test_the_synthetic_spend_is_drawn_again_row_for_row() -> None:
    with (DATA / "studio_spend.csv").open() as file:
        assert list(csv.DictReader(file)) == list(studio.spend())


def empty_relations(home: Path) -> list[str]:
    """The published marts that show nothing; which copies of events lost is none, and the demo repeats no event."""
    marts = reader.connect(home)
    named = "select table_name from information_schema.tables where table_schema = 'main'"
    names = [name for (name,) in marts.execute(named).fetchall() if not name.startswith("stg_")]
    assert "fct_charging_rewards" in names
    return [name for name in names if not marts.execute(f'from "{name}" limit 1').fetchall()]


def test_the_demo_loads_real_data_once_and_shows_it_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "home"))
    first = demo()
    shown = current_publication(tmp_path / "home")
    assert "541,909 received, 541,909 accepted" in first
    assert "7,169 received, 7,169 accepted" in first
    second = demo()
    assert "Nothing new" in second
    assert "0 accepted, 541,909 duplicate" in second
    assert second.split("Active persons")[1] == first.split("Active persons")[1]
    for app in ("online_retail", "ev_charging", "studio", "volt"):
        assert app in first
    assert empty_relations(tmp_path / "home") == []
    assert "█" in first
    assert list_publications(tmp_path / "home") == [shown]
