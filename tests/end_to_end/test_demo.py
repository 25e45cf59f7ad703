"""MetricFlow gives the same numbers as the metrics' own SQL, from what is published and from the warehouse alike."""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from ingest import demo_sources, load
from orchestration.build import build, close_dbt
from tests.end_to_end.business import write_business
from tests.end_to_end.dbt_project import copy_project, environment

pytest.importorskip("dbt_metricflow")

ALL = ("day", "week", "month")
# the metric, its kinds of period, and for each of its segments the dimension that tells the same rows apart
SAME: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "active_persons": (ALL, {}),
    "dau": (("day",), {}),
    "wau": (("day",), {}),
    "mau": (("day",), {}),
    "stickiness": (("day",), {}),
    "new_persons": (ALL, {"channel": "person__first_channel"}),
    "sessions": (ALL, {"app": "session__app"}),
    "bounce_rate": (ALL, {"app": "session__app"}),
    "session_length": (ALL, {"app": "session__app"}),
    "revenue": (ALL, {"app": "payment__app", "country": "payment__country"}),
    "refunds": (ALL, {"app": "payment__app"}),
    "refund_rate": (ALL, {"app": "payment__app"}),
    "orders": (ALL, {"app": "payment__app"}),
    "average_order_value": (ALL, {"app": "payment__app"}),
    "paying_customers": (ALL, {"app": "payment__app", "country": "payment__country"}),
    "arppu": (ALL, {"app": "payment__app"}),
    "arpu": (ALL, {}),
    "payment_success_rate": (ALL, {"app": "payment__app"}),
    "mrr": (("month",), {"app": "subscription_month__app"}),
    "net_new_mrr": (("month",), {"app": "subscription_month__app"}),
    "generations_completed": (ALL, {"app": "operation_day__app"}),
    "generation_failure_rate": (ALL, {"app": "operation_day__app"}),
    "new_subscriptions": (ALL, {"app": "operation_day__app"}),
    "cancelled_subscriptions": (ALL, {"app": "operation_day__app"}),
    "referrals_sent": (ALL, {"app": "operation_day__app"}),
    "referral_acceptance_rate": (ALL, {"app": "operation_day__app"}),
}


Key = tuple[Any, ...]
Rows = dict[Key, float | None]


@dataclass
class Semantic:
    """A built home and MetricFlow over what it published."""

    home: Path
    project: Path
    engine: Any

    def ask(self, metric: str, period: str, *dimensions: str) -> Rows:
        """The metric by start of the period and by the dimensions."""
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        names = [f"metric_time__{period}", *dimensions]
        with environment({"FOOTFALL_HOME": str(self.home), "FOOTFALL_TARGET": "published"}):
            answer = self.engine.query(
                MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=names)
            ).result_df
        found = {}
        for row in answer.rows:
            named = dict(zip(answer.column_names, row, strict=True))
            key: Key = (named[names[0]].date(), *(named[name] for name in names[1:]))
            found[key] = None if named[metric] is None else float(named[metric])
        return found

    def rows(self, metric: str, period: str, segment: str) -> Rows:
        """The same from the metric's own relation."""
        with duckdb.connect(str(self.home / "published" / "marts.duckdb"), read_only=True) as marts:
            wanted = f"from metric_{metric} where period = ? and segment = ?"
            query = f"select period_start, segment_value, metric_value {wanted}"
            found = marts.execute(query, [period, segment]).fetchall()
        return {(start, *(() if segment == "all" else (value,))): number for start, value, number in found}


@pytest.fixture(scope="module")
def semantic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Semantic]:
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration

    home, project = tmp_path_factory.mktemp("semantic") / "home", tmp_path_factory.mktemp("project")
    copy_project(project)
    for path, mapping in demo_sources():
        load([path], home, mapping=mapping)
    load([write_business(home.parent / "business.ndjson")], home)
    with environment({}):
        build(home)
    with environment({"FOOTFALL_HOME": str(home), "FOOTFALL_TARGET": "published"}):
        folders = [f"--project-dir={project}", f"--profiles-dir={project / 'profiles'}"]
        assert dbtRunner().invoke(["parse", *folders, "--quiet"]).success
        configuration = CLIConfiguration()
        configuration.setup(project / "profiles", project, configure_file_logging=False)
        yield Semantic(home, project, configuration.mf)
    close_dbt()


def differences(found: Rows, wanted: Rows, is_split: bool) -> dict[Key, tuple[float | None, float | None]]:
    """Where the two differ.

    Split by a dimension, MetricFlow has no row of a silent value; else its spine and its windows run on to the end of
    the month.
    """
    if is_split:
        found, wanted = ({key: number for key, number in rows.items() if number} for rows in (found, wanted))
    else:
        found = {key: number for key, number in found.items() if key in wanted or (number and key < max(wanted))}
    pairs = {key: (found.get(key), wanted.get(key)) for key in found.keys() | wanted.keys()}
    return {key: pair for key, pair in pairs.items() if not are_equal(*pair)}


def are_equal(one: float | None, other: float | None) -> bool:
    return one is other if one is None or other is None else math.isclose(one, other, rel_tol=1e-12)


@pytest.mark.parametrize("metric", SAME)
def test_metricflow_gives_the_numbers_of_the_metric(metric: str, semantic: Semantic) -> None:
    periods, dimensions = SAME[metric]
    for period in periods:
        for segment, dimension in {"all": "", **dimensions}.items():
            wanted = semantic.rows(metric, period, segment)
            found = semantic.ask(metric, period, *([dimension] if dimension else []))
            assert any(wanted.values())
            assert differences(found, wanted, is_split=bool(dimension)) == {}


def test_the_command_of_the_docs_runs_while_a_build_holds_the_warehouse(semantic: Semantic, tmp_path: Path) -> None:
    mf, file = Path(sys.executable).parent / "mf", tmp_path / "answer.csv"
    settings = {**os.environ, "FOOTFALL_HOME": str(semantic.home), "FOOTFALL_TARGET": "published"}
    question = [
        "--metrics",
        "sessions,bounce_rate",
        "--group-by",
        "metric_time__month,session__app",
        "--csv",
        str(file),
    ]
    with duckdb.connect(str(semantic.home / "warehouse.duckdb")):
        done = subprocess.run(
            [str(mf), "query", *question],
            cwd=semantic.project,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    with file.open() as answer:
        rows = list(csv.DictReader(answer))
    wanted = semantic.rows("sessions", "month", "app")
    assert sum(int(row["sessions"]) for row in rows) == sum(value or 0 for value in wanted.values()) > 0
