"""Plain `dbt build` works as an analytics engineer expects, and its laws can fail."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from dbt.artifacts.schemas.results import TestStatus
from dbt.cli.main import dbtRunner

import ingest
from orchestration.build import close_dbt
from tests.end_to_end.dbt_project import (
    REPOSITORY,
    build_models,
    copy_part,
    differences,
    environment,
    manifest_of,
    run_dbt,
)
from tests.end_to_end.histories import history


def land(home: Path, histories: range, loads: int = 2) -> None:
    """Random histories in a few files."""
    home.mkdir(exist_ok=True)
    deliveries = [delivery for number in histories for delivery in history(number, 7, loads)]
    for load in range(loads):
        file = home / f"{histories.start}-{load}.ndjson"
        file.write_text("".join(json.dumps(d.event) + "\n" for d in deliveries if d.load == load))
        ingest.load([file], home)


def plain_dbt_build(home: Path, work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`dbt build` as typed in the repository, with nothing but the home in the environment."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("FOOTFALL_", "DBT_"))}
    outputs = ["--target-path", str(work / "target"), "--log-path", str(work / "logs")]
    return subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "build", *arguments, *outputs],
        cwd=REPOSITORY,
        env=variables | {"FOOTFALL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small home, built by plain dbt with all tests of data."""
    home = tmp_path_factory.mktemp("built") / "home"
    land(home, range(40))
    result = plain_dbt_build(home, home, "--exclude-resource-type", "unit_test")
    assert result.returncode == 0, result.stdout
    return home


def test_a_home_that_does_not_exist_yet_builds_with_all_tests(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = plain_dbt_build(home, tmp_path)
    assert result.returncode == 0, result.stdout
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("select count(*) from dim_persons").fetchone() == (0,)
    assert all_passed(tmp_path, "unit_test.") >= 25
    assert all_passed(tmp_path, "test.") >= 45


def test_a_small_home_builds_with_all_tests_of_data(built: Path) -> None:
    assert all_passed(built, "test.") >= 45


def test_whose_an_event_is_is_looked_up_and_not_tried_with_every_id(built: Path) -> None:
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as warehouse:
        ((_, plan),) = warehouse.execute("explain (format json) select count(person_id) from events").fetchall()
    assert "HASH_JOIN" in plan and "NL_JOIN" not in plan and "NESTED_LOOP" not in plan


def test_who_asks_little_of_an_event_reads_little_of_it(built: Path) -> None:
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as warehouse:
        ((_, few),) = warehouse.execute("explain (format json) select count(user_id) from stg_events").fetchall()
        ((_, many),) = warehouse.execute("explain (format json) select count(order_id) from stg_events").fetchall()
    assert "texts" in many and "texts" not in few and "MARK" not in few


# what readers are told of data that cannot be right, which random histories are full of
WARNINGS = {
    "assert_money_has_an_exchange_rate",
    "assert_few_copies_of_an_event_differ",
    "assert_few_events_break_the_tracking_plan",
}


def all_passed(work: Path, kind: str) -> int:
    """How many nodes of a kind the last build had; every node of it was well."""
    results = json.loads((work / "target" / "run_results.json").read_text())["results"]
    warned = {result["unique_id"].split(".")[2] for result in results if result["status"] == "warn"}
    assert warned <= WARNINGS
    # an exposure has nothing to run
    ran = [result for result in results if not result["unique_id"].startswith("exposure.")]
    assert {result["status"] for result in ran} - {"warn"} == {"success", "pass"}
    return sum(result["unique_id"].startswith(kind) for result in results)


def test_every_column_that_is_built_is_documented_with_its_type(built: Path) -> None:
    nodes = json.loads((built / "target" / "manifest.json").read_text())["nodes"].values()
    documented = {
        (node["name"], name, column["data_type"].upper())
        for node in nodes
        if node["resource_type"] in ("model", "seed")
        for name, column in node["columns"].items()
    }
    query = "select table_name, column_name, data_type from information_schema.columns where table_schema = 'main'"
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as warehouse:
        actual = {tuple(row) for row in warehouse.execute(query).fetchall()}
    assert actual == documented


def test_a_changed_setting_makes_a_normal_build_equal_to_a_full_refresh(built: Path, tmp_path: Path) -> None:
    home, full = tmp_path / "home", tmp_path / "full"
    for copy in (home, full):
        copy.mkdir()
        shutil.copytree(built / "landing", copy / "landing")
    shutil.copy(built / "warehouse.duckdb", home)
    # some of the landed users and devices are none any more
    settings = {"FOOTFALL_SESSION_TIMEOUT_SECONDS": "600", "FOOTFALL_ID_SENTINELS": "null,H3-u0,h4-d0,h5-u1"}
    build_models(full, settings=settings)
    assert sessions(home) != sessions(full), "were they equal already, nothing would be shown"
    with duckdb.connect(str(full / "warehouse.duckdb"), read_only=True) as warehouse:
        nobody = "select count(*) from int_identities where id in ('h3-u0', 'h4-d0', 'h5-u1')"
        assert warehouse.execute(nobody).fetchone() == (0,)
    build_models(home, settings=settings)
    assert differences(home, full) == {}


def sessions(home: Path) -> list[tuple[int]]:
    """The ids of a warehouse's sessions."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute("select session_id from int_sessions order by session_id").fetchall()


# what an engineer changes, and the part that is built first: of it, a model reads what was built before the change
OUT_OF_ORDER = {
    "a seed and a model far below it": (
        "seeds/event_catalog.csv",
        "\npage_view,page_view,true,",
        "\npage_view,page_view,false,",
        ("event_catalog", "int_person_days"),
    ),
    "a model below a view whose code changed": (
        "models/staging/stg_events.sql",
        "coalesce(catalog.is_interaction, true)",
        "coalesce(catalog.is_interaction, false)",
        ("int_sessions",),
    ),
}


@pytest.mark.parametrize("change", OUT_OF_ORDER)
def test_the_next_build_mends_what_was_built_out_of_order(built: Path, tmp_path: Path, change: str) -> None:
    file, before, after, first = OUT_OF_ORDER[change]
    project, home, full = copy_part(tmp_path / "project"), tmp_path / "home", tmp_path / "full"
    for copy in (home, full):
        shutil.copytree(built / "landing", copy / "landing")
    whole = ("--select", "+int_person_days", "+int_sessions")
    build_models(home, *whole, project=project)
    text = (project / file).read_text()
    assert text.count(before) == 1, f"{file} no longer holds the line that this test changes"
    (project / file).write_text(text.replace(before, after))
    build_models(full, *whole, project=project)
    assert differences(home, full) != {}, "were it equal already, nothing would be shown"
    build_models(home, "--select", *first, project=project)
    build_models(home, *whole, project=project)
    assert differences(home, full) == {}


def test_what_would_empty_a_home_or_never_end_is_refused_before_anything_runs(tmp_path: Path) -> None:
    refused = {
        "--empty would mark batches as taken in": ["--empty"],
        "'session_max_hours' is '-1'": ["--vars", "{session_max_hours: -1}"],
        "'session_max_hours' is 'abc'": ["--vars", "{session_max_hours: abc}"],
        "'session_timeout_seconds' is 'True'": ["--vars", "{session_timeout_seconds: true}"],
        "'mau_days' is '2.5'": ["--vars", "{mau_days: 2.5}"],
    }
    ingest.load([], tmp_path / "home")
    for message, arguments in refused.items():
        with pytest.raises(AssertionError, match=message):
            run_dbt(tmp_path / "home", "run", "--select", "stg_superseded_copies", *arguments)


# what each law must notice: one change of the warehouse or of what landed, made to a home that was built well
BROKEN = {
    "assert_acquired_customers_sum_to_the_customers": (
        "update fct_channel_economics set acquired_customers = acquired_customers + 0.000000000001"
    ),
    "assert_an_event_is_staged_once": "delete from stg_superseded_copies",
    "assert_any_green_hour_is_one_of_the_windows": (
        "update fct_green_hour_utilization set green_sessions = green_sessions + 9 where incentive_window = 'any'"
    ),
    "assert_audiences_add_up_to_the_persons_seen": "update fct_audience set persons = persons + 1",
    "assert_channels_add_up_to_all": "update fct_active_persons set mau = mau + 1 where segment = 'channel'",
    "assert_charging_funnels_add_up_to_the_sessions": (
        "update fct_charging_funnel set completed_sessions = completed_sessions + 1"
    ),
    "assert_charging_rewards_are_counted_once": "update fct_charging_rewards set reward_cents = reward_cents + 1",
    "assert_cohort_revenue_is_the_customers_revenue": "update fct_cohort_revenue set revenue_cents = revenue_cents + 1",
    "assert_content_items_add_up_to_their_creators": "update fct_content_performance set likes = likes + 1",
    "assert_content_revenue_is_that_of_the_payments": (
        "update fct_content_performance set revenue_cents = revenue_cents + 1"
    ),
    "assert_conversion_paths_hold_every_credited_conversion": (
        "update fct_conversion_paths set conversions = conversions + 1"
    ),
    "assert_credits_sum_to_the_conversions": "update fct_attribution set credited_cents = credited_cents + 1",
    "assert_customers_pay_what_their_subscriptions_cost": (
        "update int_subscription_months set closing_mrr_cents = closing_mrr_cents + 1"
    ),
    "assert_daily_actives_are_the_distinct_active_persons": (
        "update fct_active_persons set dau = dau + 1 where segment = 'all' and dau > 0"
    ),
    "assert_dates_have_no_holes": "delete from dim_dates where day(date_day) = 9",
    "assert_every_batch_accounts_for_what_it_received": None,
    "assert_every_charging_event_has_one_session": "delete from fct_charging_sessions where stops > 0",
    "assert_every_accepted_event_is_staged_or_superseded": None,
    "assert_few_copies_of_an_event_differ": "update fct_app_copies set conflicting_share = 1",
    "assert_few_events_break_the_tracking_plan": "update fct_tracked_events set broken_share = 1",
    "assert_every_event_with_an_id_has_a_person": "update int_identities set id = id || '?'",
    "assert_everybody_is_new_once": "update fct_growth_accounting set new_persons = new_persons + 1",
    "assert_experiment_units_are_counted_once": "update fct_experiment_results set units = units + 1",
    "assert_experiments_are_defined_whole": "delete from experiment_variants where is_control",
    "assert_first_cohorts_are_the_new_persons": "update fct_retention set cohort_users = cohort_users + 1",
    "assert_followers_are_those_who_last_followed": "update fct_creator_overview set followers = followers + 1",
    "assert_funnels_only_narrow": "update fct_funnel_steps set users = users + 1",
    "assert_growth_accounting_adds_up": "update fct_growth_accounting set dormant_persons = dormant_persons + 1",
    "assert_growth_and_actives_agree": "update fct_growth_accounting set active_persons = active_persons + 1",
    "assert_journeys_through_parts_hold_every_reader": (
        "update fct_content_parts set furthest_readers = furthest_readers + 1"
    ),
    "assert_historic_ltv_is_the_revenue_of_customers": "update dim_customer_ltv set revenue_cents = revenue_cents + 1",
    "assert_money_has_an_exchange_rate": "update int_exchange_rates set minor_rate = null",
    "assert_money_is_counted_once": "insert into int_payments from int_payments",
    "assert_metrics_have_one_sound_row_per_period": "insert into fct_web_overview from fct_web_overview",
    "assert_mrr_movements_reconcile": "update fct_mrr_movements set new_mrr_cents = new_mrr_cents + 1",
    "assert_new_subscriptions_are_those_of_the_movements": (
        "update fct_mrr_movements set new_subscriptions = new_subscriptions + 1"
    ),
    "assert_nothing_of_an_app_comes_after_its_clock": "update fct_mrr_movements set is_complete = true",
    "assert_no_two_ids_share_a_key": "update int_stream_days set stream_id = 1, identity_key = 1",
    "assert_operations_of_days_and_apps_add_up": "update fct_daily_operations set upgrades = upgrades + 1",
    "assert_person_days_hold_the_events_of_stream_days": "update int_person_days set events = events + 1",
    "assert_persons_hold_all_person_days": "update dim_persons set active_days = active_days + 1",
    "assert_revenue_of_every_period_is_that_of_the_payments": "update fct_revenue_overview set refunds = refunds + 1",
    "assert_rolling_actives_nest": "update fct_active_persons set wau = dau - 1",
    "assert_segments_of_persons_agree_with_their_history": "update int_person_segments set segment = lower(segment)",
    "assert_segments_of_a_creators_audience_add_up": (
        "update fct_creator_audience set audience_persons = audience_persons + 1 where segment = 'country'"
    ),
    "assert_sessions_and_stream_days_hold_the_same_events": "update int_sessions set active_hash = active_hash + 1",
    "assert_sessions_of_a_stream_lie_apart": "insert into int_sessions from int_sessions",
    "assert_sessions_partition_the_events": "update int_sessions set events = events + 1",
    "assert_spellings_of_an_event_agree": "update event_catalog set is_activity = false where event_name = 'pageview'",
    "assert_survey_answers_are_counted_once_in_every_segment": "update fct_nps set answers = answers + 1",
    "assert_stations_are_occupied_by_one_session_at_a_time": (
        "update fct_station_utilization set occupied_us = occupied_us + 1"
    ),
    "assert_survival_follows_everybody_watched_long_enough": "update fct_survival set censored = censored + 1",
    "assert_the_tracking_plan_can_be_kept": "update tracking_plan set type = 'double' where property = 'quantity'",
    "assert_web_sessions_are_the_sessions": "update fct_web_traffic set sessions = sessions + 1",
}


def test_every_law_fails_when_it_is_broken(built: Path, tmp_path: Path) -> None:
    laws = {path.stem for path in (REPOSITORY / "tests" / "dbt").glob("assert_*.sql")}
    assert laws == BROKEN.keys()
    home = tmp_path / "home"
    shutil.copytree(built / "landing", home / "landing")
    shutil.copy(built / "warehouse.duckdb", home)
    manifest = max((home / "landing" / "batches").glob("[0-9]*.json"))
    receipt = json.loads(manifest.read_text())
    manifest.write_text(
        json.dumps(receipt | {"received": receipt["received"] + 2, "accepted": receipt["accepted"] + 1})
    )
    with duckdb.connect(str(home / "warehouse.duckdb")) as warehouse:
        warehouse.execute("delete from plumbing.proven_batches")
        for change in BROKEN.values():
            if change:
                warehouse.execute(change)
    assert broken_laws(home, "test_type:singular") == laws


def broken_laws(home: Path, selection: str) -> set[str]:
    """The names of the tests of a selection that fail, or warn."""
    with environment({"FOOTFALL_HOME": str(home)}):
        outputs = [f"--target-path={home / 'target'}", f"--log-path={home / 'logs'}", "--quiet"]
        folders = [f"--project-dir={REPOSITORY}", f"--profiles-dir={REPOSITORY / 'profiles'}"]
        result = dbtRunner(manifest=manifest_of(REPOSITORY, home)).invoke(
            ["test", "--select", selection, *folders, *outputs]
        )
        close_dbt()
    assert result.result is not None, result.exception
    return {run.node.name for run in result.result.results if run.status in (TestStatus.Fail, TestStatus.Warn)}


def test_a_batch_is_looked_at_until_every_test_of_data_held(built: Path, tmp_path: Path) -> None:
    law, home = "assert_sessions_of_a_stream_lie_apart", tmp_path / "home"
    shutil.copytree(built / "landing", home / "landing")
    shutil.copy(built / "warehouse.duckdb", home)

    def land_a_visit(day: date) -> None:
        file = home / f"{day}.ndjson"
        visit = {"event_name": "page_view", "occurred_at": f"{day}T12:00:00Z", "anonymous_id": "a visitor"}
        file.write_text(json.dumps(visit | {"event_id": str(day)}) + "\n")
        ingest.load([file], home)
        build_models(home, "--select", "+int_sessions")

    with duckdb.connect(str(home / "warehouse.duckdb")) as warehouse:
        row = warehouse.execute("select max(session_date) from int_sessions").fetchone()
        assert row is not None
        broken_day: date = row[0]
        warehouse.execute("insert into int_sessions from int_sessions where session_date = ?", [broken_day])
    assert broken_laws(home, law) == set(), "the build of the fixture proved that day"
    land_a_visit(broken_day)
    assert broken_laws(home, law) == {law}
    land_a_visit(broken_day + timedelta(days=40))
    assert broken_laws(home, law) == {law}, "a later batch hid what was wrong with the one before it"
