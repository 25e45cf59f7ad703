"""A report shows the rows that are published, says why there are none, and is a page for everybody."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.cli.report import write_report
from orchestration.exposures import FILE, exposures
from serving.dashboards import Library, read_library
from serving.figures import FigureError, Filters, Source, fill, open_source
from tests.ingest.collector.browser import needs_chromium
from tests.serving.report.browser import WIDTHS, browser, faults_for_readers, shown
from tests.serving.report.homes import REPOSITORY, clocks, contracts, metric, publish_rows

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"
MONTHS = {"2025-03-01": 40.0, "2025-04-01": 50.0, "2025-05-01": 60.0, "2025-06-01": 9.0}


# what a row must say for a figure to read it; every other text of every relation is an attack
MEANT = {"segment": "all", "segment_value": "all", "kind": "activity", "retention": "any_activity", "path": "pages"}
OVER_ALL_TIME = {"fct_content_performance": "all", "fct_funnel_steps": "total", "fct_charging_streaks": "day"}
BY = ("app", "channel", "country", "conversion", "experiment", "funnel")


def attack(relation: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of a relation whose texts are attacks, for May and, where there is a period, for the months around it."""

    def value(name: str, kind: str) -> Any:
        if kind == "varchar":
            return {**MEANT, "period": OVER_ALL_TIME.get(relation, "month")}.get(name, HOSTILE)
        if kind == "boolean":
            return name not in ("is_control", "is_bot")
        return "2025-05-01" if kind in ("date", "timestamp") else 1

    row = {name: value(name, kind) for name, kind in columns.items() if not kind.startswith(("map", "struct"))}
    if relation.startswith("metric_"):
        rows = [{**row, "segment": name, "segment_value": HOSTILE} for name in BY]
        rows += [{**one, "segment_value": "another"} for one in rows]
        months = [{**one, "period_start": start} for one in [row, *rows] for start in MONTHS]
        return [*months, {**row, "period": "day"}]
    if columns.keys() >= {"period", "period_start"} and relation not in OVER_ALL_TIME:
        return [{**row, "period_start": start} for start in MONTHS]
    return [row]


def hostile_rows() -> dict[str, list[dict[str, Any]]]:
    """Every text that comes from an event is an attack, in every relation that has one."""
    counts = {"new_persons": 3, "returning_persons": 6, "resurrected_persons": 1, "dormant_persons": 2}
    every = {"segment": "all", "segment_value": "all"}
    rows = {name: attack(name, columns) for name, columns in contracts().items() if not name.startswith("int_")}
    return {
        **rows,
        "int_data_clocks": clocks(HOSTILE, "shop"),
        "fct_nps": [{**row, "segment": name} for row in rows["fct_nps"] for name in ("all", "country")],
        "metric_active_persons": [
            *metric(MONTHS, open_from="2025-06"),
            *metric(MONTHS, open_from="2025-06", app=HOSTILE),
            *metric(MONTHS, open_from="2025-06", app="shop"),
        ],
        "fct_growth_accounting": [
            {**every, "period": "month", "period_start": start, "is_complete": start < "2025-06", **counts}
            for start in MONTHS
        ],
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_rows(tmp_path_factory.mktemp("hostile") / "home", hostile_rows())


@pytest.fixture(scope="module")
def source(home: Path) -> Source:
    return open_source(home)


@pytest.fixture(scope="module")
def library() -> Library:
    return read_library(REPOSITORY)


@pytest.fixture(scope="module")
def report(home: Path) -> Path:
    return write_report(home)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


def test_a_report_is_one_small_file_that_names_nothing_outside(report: Path) -> None:
    page = report.read_text()
    assert report.stat().st_size < 3_000_000
    ours = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=\"(?!#|data:,)[^\"]*\"", ours) == []
    assert "default-src 'none'" in html.unescape(page)


def test_what_comes_from_an_event_is_text(report: Path) -> None:
    page = report.read_text()
    assert "alert(1)" in page and "<script>alert" not in page and "<img src=x" not in page
    specs = re.findall(r'<script type="application/json" class="spec">(.*?)</script>', page, re.DOTALL)
    assert any(HOSTILE in [row[0] for place in json.loads(spec)["places"] for row in place["rows"]] for spec in specs)


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_fits_every_width_in_both_themes(chromium: Any, report: Path, theme: str) -> None:
    with shown(chromium, report, theme=theme, bypass_csp=True) as page:
        for width in WIDTHS:
            page.page.set_viewport_size({"width": width, "height": 900})
            page.page.wait_for_timeout(100)
            assert page.overflow() == [], width
        assert faults_for_readers(page.page) == []
        assert (page.said, page.asked) == ([], [])


@needs_chromium
def test_hostile_names_do_nothing_and_can_be_read(chromium: Any, report: Path) -> None:
    with shown(chromium, report) as page:
        for chart in page.page.query_selector_all(".plot"):
            chart.focus()
            page.page.keyboard.press("ArrowLeft")
        names = page.page.eval_on_selector_all(".legend li", "found => found.map((one) => one.textContent)")
        assert any(HOSTILE in name for name in names)
        empty = "found => found.map((one) => `${one.dataset.figure}: ${one.textContent}`)"
        assert page.page.eval_on_selector_all(".kind-empty", empty) == []
        words = page.page.text_content("main")
        assert all(f'data-figure="{name}"' in report.read_text() for name in ("comments", "recommendations", "paths"))
        assert words.count(HOSTILE) > 50
        page.page.focus("[data-figure=active_persons_by_app] .plot")
        page.page.keyboard.press("ArrowLeft")
        assert HOSTILE in page.page.text_content("#tip")
        assert (page.said, page.asked) == ([], [])


@needs_chromium
def test_what_is_drawn_are_the_rows(chromium: Any, report: Path) -> None:
    with shown(chromium, report) as page:
        table = page.page.eval_on_selector_all(
            "[data-figure=growth_accounting] .data tbody tr",
            "rows => rows.map((row) => [...row.cells].map((cell) => cell.dataset.value ?? cell.textContent))",
        )
        assert table == [
            [start, "3", "6", "1", "2", "true" if start < "2025-06" else "false"] for start in MONTHS
        ]  # fmt: skip
        label = "[data-figure=growth_accounting] svg [aria-roledescription='rect mark']"
        drawn = page.page.eval_on_selector_all(label, "found => found.map((one) => one.getAttribute('aria-label'))")
        assert len([one for one in drawn if "s: " in one]) == 4 * len(MONTHS)
        label = "[data-figure=growth_accounting] .role-axis-label text"
        axes = page.page.eval_on_selector_all(label, "found => found.map((one) => one.textContent)")
        assert axes[:4] == ["Mar 2025", "Apr", "May", "Jun"]
        tile = page.page.text_content("[data-metric=active_persons]")
        assert "60" in tile and "20.0" in tile and "May" in tile
        # the month under way is dashed, and its value is not the tile's
        page.page.focus("[data-figure=active_persons] .plot")
        page.page.keyboard.press("ArrowLeft")
        assert "Jun" in page.page.text_content("#tip") and "in progress" in page.page.text_content("#tip")


@needs_chromium
def test_the_theme_changes_by_the_button_and_the_page_prints(chromium: Any, report: Path, tmp_path: Path) -> None:
    with shown(chromium, report) as page:
        page.page.click("#theme")
        page.page.wait_for_selector("html[data-theme=dark][data-drawn=dark]")
        assert page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(17, 20, 24)"
        page.page.pdf(path=str(tmp_path / "report.pdf"), format="A4")
        assert (tmp_path / "report.pdf").stat().st_size > 10_000
        assert page.said == []


@needs_chromium
@pytest.mark.parametrize("events", [0, 1])
def test_an_empty_home_and_one_event_say_what_is_missing(chromium: Any, tmp_path: Path, events: int) -> None:
    one = {"int_data_clocks": clocks("shop", first="2025-06-15")} if events else {"int_data_clocks": [{"app": None}]}
    rows = {**one, "metric_active_persons": metric({"2025-06-15": 1.0}, "day", open_from="2025") if events else []}
    path = write_report(publish_rows(tmp_path / "home", rows))
    with shown(chromium, path, width=360, bypass_csp=True) as page:
        reasons = page.page.eval_on_selector_all(".why", "found => found.map((one) => one.textContent)")
        assert len(reasons) > 3 and all(len(reason) > 30 for reason in reasons)
        assert bool(page.page.query_selector("[data-figure=active_persons] .plot")) == bool(events)
        assert page.overflow() == [] and faults_for_readers(page.page) == []
        assert (page.said, page.asked) == ([], [])


def test_every_figure_can_be_read_by_every_filter(library: Library, source: Source) -> None:
    for figure in library.figures.values():
        for filters in (
            source.filters(),
            source.filters(HOSTILE, date(2025, 5, 1), date(2025, 5, 31)),
            source.filters(segment="country=FR"),
        ):
            filled = fill(figure, source, filters)
            assert filled.empty is None or len(filled.empty) > 20


def test_what_is_published_by_app_is_not_by_country_too(library: Library, source: Source) -> None:
    both = source.filters(HOSTILE, segment="country=FR")
    assert "not by both" in str(fill(library.figures["revenue_over_time"], source, both).empty)


def test_a_period_that_the_range_cuts_is_left_out(library: Library, source: Source) -> None:
    filled = fill(library.figures["active_persons"], source, Filters(date(2025, 3, 1), date(2025, 12, 1)))
    assert [str(row[0]) for row in filled.rows] == list(MONTHS)
    long_range = Filters(date(2024, 6, 1), date(2025, 5, 20))
    assert [str(row[0]) for row in fill(library.figures["active_persons"], source, long_range).rows] == list(MONTHS)[:2]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("metrics: [mrr]\nsql: select 1", "exactly one of metrics, sql and question"),
        ("sql: select $weather", "unknown filter $weather"),
        ("sql: select 1 as period_start\nwidth: 3", "`width`: this key is not known"),
    ],
)
def test_a_wrong_figure_is_named_with_its_fault(tmp_path: Path, said: str, fault: str) -> None:
    folder = tmp_path / "dashboards" / "figures"
    folder.mkdir(parents=True)
    (folder / "mine.yml").write_text(
        f"title: Mine\ndraw: {{as: table}}\ndefinition: x\nempty: nothing at all\n{said}\n"
    )
    with pytest.raises(FigureError, match=re.escape(fault)) as error:
        read_library(REPOSITORY, tmp_path)
    assert "mine.yml" in str(error.value)


def test_a_dashboard_that_names_no_figure_is_told_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "dashboards").mkdir()
    path = tmp_path / "dashboards" / "mine.yml"
    path.write_text("title: Mine\nabout: x\nowner: {name: Me}\nfigures: [active_person]\n")
    with pytest.raises(FigureError, match="did you mean `active_persons`"):
        read_library(REPOSITORY, tmp_path)


def test_a_figure_of_ones_own_may_only_read(tmp_path: Path, source: Source) -> None:
    folder = tmp_path / "dashboards" / "figures"
    folder.mkdir(parents=True)
    body = "title: Mine\ndraw: {as: table}\ndefinition: x\nempty: nothing at all\n"
    (folder / "mine.yml").write_text(f"{body}sql: copy (select 1) to 'x'\n")
    figure = read_library(REPOSITORY, tmp_path).figures["mine"]
    with pytest.raises(FigureError, match="Only a single select"):
        fill(figure, source, source.filters())


def test_each_dashboard_is_an_exposure_of_what_it_reads(library: Library) -> None:
    """`make docs` writes it anew."""
    committed = (REPOSITORY / FILE).read_text()
    assert committed == exposures(library, contracts().keys())
    assert "ref('metric_mrr')" in committed and "ref('fct_growth_accounting')" in committed


def test_every_chart_is_sound_vega_lite(report: Path) -> None:
    """As Altair's copy of the schema says, which is as strict as the language."""
    alt = pytest.importorskip("altair")
    for figure in ("active_persons", "growth_accounting", "nps", "retention_curve", "creator_revenue"):
        page = report.read_text().split(f'data-figure="{figure}"')[1]
        spec = re.findall(r'<script type="application/json" class="spec">(.*?)</script>', page, re.DOTALL)[0]
        alt.LayerChart.from_dict(json.loads(spec.replace("token:ground", "#fff"))["spec"], validate=True)
