"""The demo works on a fresh home, a second time changes nothing, and MetricFlow gives the numbers of its metrics."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from demo import studio, volt
from orchestration.build import close_dbt
from orchestration.demo_picture import picture
from serving import reader
from serving.figures import Source, open_source
from serving.publications import current_publication, list_publications
from spark.project import Project, make_shapes
from tests.end_to_end.dbt_project import REPOSITORY, copy_project, environment
from tests.ingest.collector.browser import needs_chromium
from tests.serving.report.browser import WIDTHS, browser, faults_for_readers
from tests.serving.report.browser import shown as shown_in
from tests.spark.shaped import emptied

DATA = Path(studio.__file__).parent / "data"
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


def demo(home: Path) -> str:
    footfall = str(Path(sys.executable).parent / "footfall")
    with environment({"FOOTFALL_HOME": str(home)}):
        done = subprocess.run([footfall, "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Demo:
    """A home after its first `footfall demo`, and what that printed."""

    home: Path
    told: str


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo") / "home"
    return Demo(home, demo(home))


@pytest.fixture(scope="module")
def semantic(shown: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Semantic]:
    pytest.importorskip("dbt_metricflow")
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration

    project = copy_project(tmp_path_factory.mktemp("project"))
    with environment({"FOOTFALL_HOME": str(shown.home), "FOOTFALL_TARGET": "published"}):
        folders = [f"--project-dir={project}", f"--profiles-dir={project / 'profiles'}"]
        assert dbtRunner().invoke(["parse", *folders, "--quiet"]).success
        configuration = CLIConfiguration()
        configuration.setup(project / "profiles", project, configure_file_logging=False)
        yield Semantic(shown.home, project, configuration.mf)
    close_dbt()


def test_every_model_is_translated_for_spark(shown: Demo) -> None:
    manifest = json.loads((shown.home / "dbt" / "target" / "manifest.json").read_text())
    project = Project(manifest["nodes"], REPOSITORY)
    made = [node["name"] for node, translation in make_shapes(emptied(shown.home), project) if translation]
    assert len(made) == sum(node.get("language") == "sql" for node in project.in_order() if "language" in node)


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
    """The published marts that show nothing, but for those that list what is wrong: the demo is well."""
    marts = reader.connect(home)
    named = "select table_name from information_schema.tables where table_schema = 'main'"
    faults = {"fct_event_copies", "fct_subscription_faults"}
    names = [name for (name,) in marts.execute(named).fetchall() if name not in faults]
    assert "fct_charging_rewards" in names
    return [name for name in names if not marts.execute(f'from "{name}" limit 1').fetchall()]


def test_the_demo_loads_real_data_once_and_shows_it_each_time(shown: Demo) -> None:
    publication = current_publication(shown.home)
    assert "541,909 received, 541,909 accepted" in shown.told
    assert "7,169 received, 7,169 accepted" in shown.told
    again = demo(shown.home)
    assert "Nothing new" in again
    assert "0 accepted, 541,909 duplicate" in again
    assert again.split("Active persons")[1] == shown.told.split("Active persons")[1]
    for app in ("online_retail", "ev_charging", "studio", "volt"):
        assert app in shown.told
    assert empty_relations(shown.home) == []
    assert "█" in shown.told
    assert list_publications(shown.home) == [publication]


def test_the_picture_in_the_readme_is_what_the_demo_prints(shown: Demo) -> None:
    """Draw it anew by `footfall demo | python -m orchestration.demo_picture > docs/demo.svg`."""
    assert picture(shown.told) == (REPOSITORY / "docs" / "demo.svg").read_text()


def values_of(source: Source, query: str) -> list[str]:
    return ["" if value is None else str(value) for (value,) in source.connection.execute(query).fetchall()]


@needs_chromium
def test_the_report_shows_the_numbers_of_the_marts_and_no_empty_figure(shown: Demo) -> None:
    path, source = shown.home / "report.html", open_source(shown.home)
    assert str(path) in shown.told and path.stat().st_size < 3_000_000
    with browser() as started, shown_in(started, path, bypass_csp=True) as page:
        assert page.page.eval_on_selector_all(".kind-empty", "found => found.map((one) => one.dataset.figure)") == []
        assert page.page.evaluate("performance.getEntriesByName('first-contentful-paint').length") == 1
        tiles = "select metric_value from metric_{} where period = 'month' and segment = 'all' and is_complete"
        for metric in ("active_persons", "revenue", "mrr"):
            last = values_of(source, f"{tiles.format(metric)} order by period_start desc limit 1")
            assert page.values("headline", f"[data-metric={metric}]") == last
        wanted = values_of(
            source,
            "select metric_value from metric_active_persons where period = 'month' and segment = 'all' "
            "and period_start >= '2014-10-01' order by period_start",
        )
        column = "rows => rows.map((row) => row.cells[1].dataset.value ?? row.cells[1].textContent)"
        assert page.page.eval_on_selector_all("[data-figure=active_persons] .data tbody tr", column) == wanted
        for width in WIDTHS:
            page.page.set_viewport_size({"width": width, "height": 900})
            page.page.wait_for_timeout(200)
            assert page.overflow() == [], width
        assert faults_for_readers(page.page) == []
        assert (page.said, page.asked) == ([], [])


def test_outsiders_see_documented_marts_and_nothing_else(shown: Demo) -> None:
    """What a BI tool lists when it opens the file."""
    listed = "select table_schema, table_name, coalesce(table_comment, '') from information_schema.tables"
    unsaid = "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal"
    with duckdb.connect(str(shown.home / "published" / "marts.duckdb"), read_only=True) as marts:
        relations = marts.execute(listed).fetchall()
        assert marts.execute(f"{unsaid} and coalesce(comment, '') = ''").fetchall() == []
    comments = {name: comment for schema, name, comment in relations if schema == "main"}
    assert [name for name in comments if not re.fullmatch(r"(dim|fct|metric)_\w+|events", name)] == []
    assert [name for name, comment in comments.items() if not comment.startswith("One row per ")] == []
    assert len(comments) > 100
    assert {schema for schema, *_ in relations} == {"main", "internal"}


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
