"""Spend in files and in the seed, from the door to the marts: restated by content, and in nobody's way."""

import json
import random
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import ingest
from tests.end_to_end.dbt_project import REMEMBERED, build_models, copy_project, differences, run_dbt

# app, day, channel, campaign, amount, currency, reported at
Report = tuple[str, str, str, str, str, str, str]
HEADER = "app,date,channel,campaign,amount,currency,reported_at"
ABOUT_SPEND = {
    "stg_reported_spend",
    "int_channel_spend",
    "channel_spend",
    "fct_attribution",
    "fct_channel_economics",
    # LTV/CAC stands among the daily numbers
    "fct_daily_operations",
    "metric_spend",
    "metric_cac",
    "metric_ltv_to_cac",
    "metric_payback_months",
    # the calendar begins with the first day that anything tells of, money spent before the first event too
    "dim_periods",
    "int_clock_periods",
    "int_period_days",
}


def events() -> list[dict[str, object]]:
    """Two buyers, one of whom an e-mail of the campaign `spring` brought."""
    letter = {"page_url": "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=spring"}
    made: list[dict[str, object]] = []
    for user, app, context in (("ada", "shop", letter), ("bob", "online_retail", {})):
        at = {"user_id": user, "app": app, "occurred_at": "2025-03-03T10:00:00Z"}
        made.append({"event_name": "page_view", "context": context, **at})
        made.append({"event_name": "order_completed", "properties": {"amount_cents": 3000, "currency": "USD"}, **at})
        made.append({"event_name": "purchase", "properties": {"amount_cents": 3000, "currency": "USD"}, **at})
    return made


def reports(rng: random.Random) -> list[Report]:
    """Random reports of few days and channels, so that many speak of the same spend."""
    return [
        (
            rng.choice(["", "shop"]),
            f"2025-03-0{rng.randint(1, 3)}",
            rng.choice(["Email", "Paid Search"]),
            rng.choice(["", "spring"]),
            f"{rng.randint(0, 400) / 100:.{rng.choice([2, 3])}f}",
            rng.choice(["", "GBP", "JPY", "usd"]),
            rng.choice(["", "2025-03-04", "2025-03-05T10:00:00+02:00", "2025-03-05T08:00:00Z"]),
        )
        for _ in range(80)
    ]


def half_up(amount: Decimal) -> int:
    return int((amount + Decimal("0.5")) // 1)


def expected_spend(made: list[Report]) -> set[tuple[str, str, str, str | None, int]]:
    rates = {"": Decimal(1), "USD": Decimal(1), "GBP": Decimal("1.25"), "JPY": Decimal("0.65")}
    newest: dict[tuple[str, ...], list[Report]] = {}
    for report in made:
        key = (report[1], report[0] or "default", report[2], report[3])
        known = newest.setdefault(key, [])
        # two of the spellings are one time
        times = ["", "2025-03-04", "2025-03-05"]
        age, known_age = (times.index(each[6][:10]) if each else -1 for each in (report, known[0] if known else None))
        if age > known_age:
            known.clear()
        if age >= known_age:
            known.append(report)
    totals = set()
    for (day, app, channel, campaign), rows in newest.items():
        cents = 0
        for row in rows:
            units = 1 if row[5] == "JPY" else 100
            cents += half_up(half_up(Decimal(row[4]) * units) * rates[row[5].upper()])
        totals.add((day, app, channel, campaign or None, cents))
    return totals


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = copy_project(tmp_path_factory.mktemp("project"))
    rates = [
        f"{currency},USD,2025-{month:02}-01,{rate}"
        for month in range(1, 13)
        for currency, rate in (("GBP", "1.25"), ("JPY", "0.0065"))
    ]
    header = "currency,reporting_currency,valid_from_date,rate"
    (copy / "seeds" / "exchange_rates.csv").write_text("\n".join([header, *rates]) + "\n")
    return copy


def load_events(home: Path) -> None:
    home.mkdir()
    file = home / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events()))
    ingest.load([file], home)


def test_any_order_of_arrival_gives_the_newest_reports_and_nothing_else_changes(project: Path, tmp_path: Path) -> None:
    rng = random.Random(3)
    # equal rows of one file are two, and of two files one: here no two are equal
    made = list(dict.fromkeys(reports(rng)))
    # dated after every event: spend is no clock
    made.append(("", "2025-03-20", "Email", "", "1.00", "", ""))
    plain, spent, whole = tmp_path / "plain", tmp_path / "spent", tmp_path / "whole"
    for home in (plain, spent, whole):
        load_events(home)
    build_models(plain, project=project)
    for home, loads in ((spent, 3), (whole, 1)):
        rng.shuffle(made)
        for load in range(loads):
            rows = made[load::loads]
            file = home / f"spend-{load}.csv"
            file.write_text("\n".join([HEADER, *(",".join(row) for row in rows)]) + "\n")
            (receipt,) = ingest.load([file], home, kind="spend")
            assert receipt.quarantined == 0
            build_models(home, *(REMEMBERED if load < loads - 1 else ()), project=project)
    run_dbt(spent, "test", "--exclude-resource-type=unit_test", project=project)
    found = differences(spent, whole, ignored_columns=("batch_id", "row_number", "received_at"))
    assert found.keys() <= {"stg_reported_spend", "stg_superseded_copies"}
    assert differences(spent, plain, ignored_columns=("batch_id", "row_number", "received_at")).keys() <= ABOUT_SPEND
    with duckdb.connect(str(spent / "warehouse.duckdb"), read_only=True) as warehouse:
        shown = warehouse.execute(
            "select spend_date::varchar, app, channel, utm_campaign, spend_cents from int_channel_spend"
        ).fetchall()
    assert set(shown) == expected_spend(made)
    assert len(shown) == len(set(shown)) > 15


def test_attribution_shows_the_return_on_spend_of_the_conversions_app(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    load_events(home)
    (home / "spend.csv").write_text(
        f"{HEADER}\n,2025-03-01,Email,spring,8.00,GBP,\nonline_retail,2025-03-09,Email,spring,2.00,,\n"
    )
    ingest.load([home / "spend.csv"], home, kind="spend")
    own = copy_project(tmp_path / "project")
    (own / "seeds" / "exchange_rates.csv").write_text((project / "seeds" / "exchange_rates.csv").read_text())
    (own / "seeds" / "channel_spend.csv").write_text(
        "spend_date,app,channel,utm_campaign,spend_cents,currency\n"
        "2025-03-31,,Email,spring,500,\n2025-03-31,,Display,,700,\n2025-04-01,,Email,spring,100,GBP\n"
    )
    build_models(home, "--select", "+fct_attribution", project=own)
    query = (
        "select channel, utm_campaign, period_start::varchar, credited_cents, spend_cents, return_on_spend, "
        "cost_per_conversion_cents from fct_attribution where conversion = $name and model = 'linear' order by all"
    )
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        orders = warehouse.execute(query, {"name": "order"}).fetchall()
        purchases = warehouse.execute(query, {"name": "purchase"}).fetchall()
    assert orders == [
        ("Direct", None, "2025-03-01", 3000, 0, None, 0.0),
        ("Display", None, "2025-03-01", 0, 700, 0.0, None),
        ("Email", "spring", "2025-03-01", 3000, 1000 + 200 + 500, 3000 / 1700, 1700.0),
        ("Email", "spring", "2025-04-01", 0, 125, 0.0, None),
    ]
    # of online_retail alone, so all spend but that on shop: here the same
    assert [row[4] for row in purchases if row[0] == "Email"] == [1700, 125]


def test_spend_of_another_app_is_not_spent_for_a_conversion(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    load_events(home)
    (home / "spend.csv").write_text(f"{HEADER}\nshop,2025-03-01,Email,spring,8.00,,\n")
    ingest.load([home / "spend.csv"], home, kind="spend")
    build_models(home, "--select", "+fct_attribution", project=project)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        spent = warehouse.execute(
            "select conversion, sum(spend_cents)::bigint from fct_attribution where model = 'linear' group by 1"
        ).fetchall()
    assert dict(spent) | {"order_after_click": 800} == {"order": 800, "order_after_click": 800, "purchase": 0}


def test_spend_without_a_rate_stops_the_build(project: Path, tmp_path: Path) -> None:
    (tmp_path / "spend.csv").write_text(f"{HEADER}\n,2025-03-01,Email,,1,CHF,\n")
    ingest.load([tmp_path / "spend.csv"], tmp_path, kind="spend")
    with pytest.raises(AssertionError, match="No exchange rate: spend of 2025-03-01 in app default is in CHF"):
        build_models(tmp_path, "--select", "+int_channel_spend", project=project)
