"""What is read is what is published, in whatever form; what cannot be read says why."""

import gc
import os
from datetime import date
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest

import footfall
from footfall import Analytics, AnalyticsError, UserSegment
from tests.ingest.collector.conftest import serving
from tests.serving.api.homes import two_apps
from tests.serving.report.homes import clocks, publish_rows


def metric(
    name: str, period: str, *values: tuple[str, float | None, bool], **of: str
) -> dict[str, list[dict[str, Any]]]:
    about = {"period": period, "segment": of.get("segment", "all"), "segment_value": of.get("value", "all")}
    return {
        f"metric_{name}": [
            {**about, "period_start": date.fromisoformat(start), "metric_value": value, "is_complete": whole}
            for start, value, whole in values
        ]
    }


def small_home(path: Path) -> Path:
    """A home in which a little of each kind is published."""
    days = [("2026-01-02", 4.0, True), ("2026-01-03", None, True), ("2026-01-04", 9.0, False)]
    nps = {"period": "month", "segment": "all", "segment_value": "all", "answers": 10, "promoters": 6, "passives": 3}
    result = {"experiment": "checkout", "metric": "converted", "is_primary": True, "is_winner": False}
    rows: dict[str, Any] = {
        "int_data_clocks": clocks("shop"),
        **metric("dau", "day", *days),
        **metric("wau", "day", ("2026-01-02", 7.0, True)),
        **metric("bounce_rate", "month", ("2026-01-01", 0.25, True)),
        **metric("signup_to_payment_rate", "month", ("2026-01-01", 0.5, True)),
        **metric("conversion_rate", "month", ("2026-01-01", 0.1, True), segment="conversion", value="trial"),
        **metric("time_to_convert", "month", ("2026-01-01", 3600.0, True), segment="conversion", value="trial"),
        **metric("retention_d1", "day", ("2026-01-01", 0.4, True), ("2026-01-03", 0.9, False)),
        "fct_nps": [
            {**nps, "period_start": date(2026, 1, 1), "detractors": 1, "nps": 50.0, "nps_low": 10.0, "nps_high": 90.0},
            {**nps, "period_start": date(2026, 2, 1), "answers": 0, "detractors": 0, "nps": None},
        ],
        "dim_persons": [
            {"person_id": f"p{n}", "segment": name, "first_app": "shop"} for n, name in enumerate(UserSegment)
        ],
        "fct_experiment_health": [{"experiment": "checkout", "status": "running", "is_valid": True}],
        "fct_experiment_results": [
            {**result, "variant": "control", "is_control": True},
            {**result, "variant": "worse", "is_control": False, "improvement_percent": -3.0},
            {
                **result, "variant": "better", "is_control": False, "improvement_percent": 2.5, "is_winner": True,
                "improvement_percent_lower": 1.0, "improvement_percent_upper": 4.0,
            },
        ],
    }  # fmt: skip
    return publish_rows(path, rows)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory.mktemp("reading") / "home")


@pytest.fixture(scope="module")
def client(home: Path) -> Analytics:
    return Analytics(home=home)


def test_numbers_are_those_of_the_last_whole_period_that_has_one(client: Analytics) -> None:
    engagement = client.get_engagement_metrics()
    assert (engagement.dau, engagement.wau, engagement.mau, engagement.bounce_rate) == (4.0, 7.0, None, 0.25)
    assert client.get_conversion_metrics().as_dict() == {"conversion_rate": 0.5, "time_to_convert": None}
    assert client.get_conversion_metrics("trial").as_dict() == {"conversion_rate": 0.1, "time_to_convert": 3600.0}
    assert client.get_retention_metrics().day_1_retention == 0.4
    nps = client.get_nps_metrics()
    assert (nps.month, nps.score, nps.low, nps.high, nps.answers, nps.promoters) == (
        "2026-01-01",
        50.0,
        10.0,
        90.0,
        10,
        6,
    )
    assert client.segment_users() == {segment: [f"p{n}"] for n, segment in enumerate(UserSegment)}
    summary = client.export_metrics_summary()
    assert (
        summary["engagement"]["dau"] == 4.0 and summary["segments"]["AT_RISK"] == 1 and summary["nps"]["score"] == 50.0
    )


def test_a_test_says_who_wins(client: Analytics) -> None:
    results = client.get_ab_test_results("checkout")
    assert (results.winner, results.improvement_percent, results.interval) == ("better", 2.5, (1.0, 4.0))
    assert (results.status, results.is_valid, len(results.results)) == ("running", True, 3)


def test_what_cannot_be_read_says_why(client: Analytics, tmp_path: Path) -> None:
    for ask, words in (
        (lambda: client.get_ab_test_results("nothing"), "no results of a test 'nothing'"),
        (lambda: client.get_conversion_metrics("nothing"), "No conversion is called 'nothing'"),
        (lambda: client.metric("nothing"), "metric_nothing is not published"),
        (lambda: client.ask({"kind": "nothing"}), "Legal kinds"),
        (lambda: client.create_ab_test("a", ["x", "y"]), "footfall experiment define"),
        (lambda: Analytics(home=tmp_path).get_nps_metrics(), "Nothing is published"),
        (lambda: Analytics("http://127.0.0.1:9", timeout=1).get_nps_metrics(), "cannot be reached"),
        (lambda: footfall.open(tmp_path), "Nothing is published"),
    ):
        with pytest.raises(AnalyticsError, match=words):
            ask()
    assert client.assign_variant("a", "u") is None


def test_a_forked_child_reads_by_a_connection_of_its_own(client: Analytics) -> None:
    assert client.get_engagement_metrics().dau == 4.0
    child = os.fork()
    if child == 0:
        dau = client.get_engagement_metrics().dau
        gc.collect()  # which would close what the parent has open, if it were let go
        os._exit(0 if dau == 4.0 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_marts_are_frames_of_every_library_and_nothing_can_be_changed(home: Path, tmp_path: Path) -> None:
    with footfall.open(home) as published:
        assert published.marts.keys() >= {"dim_persons", "metric_dau"} and "int_data_clocks" not in published.marts
        frames = [published.mart("dim_persons", frame) for frame in ("pandas", "polars", "arrow")]
        assert [type(frame) for frame in frames] == [pandas.DataFrame, polars.DataFrame, pyarrow.Table]
        assert [frame.shape[0] for frame in frames] == [5, 5, 5]
        found = published.sql("select person_id from dim_persons where segment = ?", ["POWER"], "arrow")
        assert found.to_pylist() == [{"person_id": "p2"}]
        with pytest.raises(AnalyticsError, match="Did you mean 'dim_persons'"):
            published.mart("dim_person")
        with pytest.raises(AnalyticsError, match="pandas, polars or arrow"):
            published.mart("dim_persons", "excel")  # type: ignore[arg-type]
        for statement in (
            "drop table dim_persons",
            f"copy dim_persons to '{tmp_path / 'out.csv'}'",
            "select 1; select 2",
        ):
            with pytest.raises(PermissionError):
                published.sql(statement)
        with pytest.raises(Exception, match="Permission"):
            published.sql("select * from read_csv('/etc/passwd')")


def test_the_home_is_that_of_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    with footfall.open() as published:
        assert published.mart("metric_wau")["metric_value"].to_list() == [7.0]


def test_a_server_answers_what_its_home_does(tmp_path: Path) -> None:
    home = two_apps(tmp_path / "home")
    with serving(home) as server:
        there, here = Analytics(server.url), Analytics(home=home)
        ours = Analytics(server.url, app="shop"), Analytics(home=home, app="shop")
        question = {"kind": "active_users", "interval": "total", "window_days": 30}
        for one, other in ((there, here), ours):
            assert one.get_engagement_metrics() == other.get_engagement_metrics()
            assert one.get_conversion_metrics() == other.get_conversion_metrics()
            assert one.get_retention_metrics() == other.get_retention_metrics()
            assert one.get_nps_metrics() == other.get_nps_metrics()
            assert one.ask(question) == other.ask(question)
            dau = [(str(row["period_start"]), row["metric_value"]) for row in one.metric("dau")]
            assert dau == [(str(row["period_start"]), row["metric_value"]) for row in other.metric("dau")] != []
        assert [*there._reader.persons()] == [*here._reader.persons()] != []
        assert there.get_ab_test_results("experiment-shop").winner == here.get_ab_test_results("experiment-shop").winner
        with footfall.open(home) as published:
            assert published.ask(question, "arrow").num_rows == len(here.ask(question)["rows"])
            with pytest.raises(AnalyticsError, match="pandas, polars or arrow"):
                published.ask(question, "excel")  # type: ignore[arg-type]
        for reader in ours:
            with pytest.raises(AnalyticsError):
                reader.segment_users()
