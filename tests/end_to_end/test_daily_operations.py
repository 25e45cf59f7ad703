"""The operating numbers equal plain counting, and many builds of a business equal one."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ingest
from tests.end_to_end.business import APP, business_events
from tests.end_to_end.dbt_project import build_models, differences

MARTS = "--select=+fct_daily_operations +fct_revenue_overview"
REGISTERED = {"signup", "user_registered", "Signed Up"}
COLUMNS = {
    "generation_completed": "generations_completed",
    "generation_failed": "generations_failed",
    "subscription_created": "new_subscriptions",
    "subscription_cancelled": "cancelled_subscriptions",
    "subscription_upgraded": "upgrades",
    "subscription_downgraded": "downgrades",
    "referral_sent": "referrals_sent",
    "referral_accepted": "referrals_accepted",
    "referral_milestone": "referral_milestones",
    "referral_withdrawal": "referral_withdrawals",
}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home that took the events, some twice, in three loads with a build after each, and one built at once."""
    folder, rng = tmp_path_factory.mktemp("operations"), random.Random(3)
    home, full = folder / "home", folder / "full"
    events = business_events()
    rng.shuffle(events)
    for number in range(3):
        lines = [json.dumps(event) for event in events[number::3] + rng.sample(events, 40)]
        (folder / f"{number}.ndjson").write_text("\n".join(lines) + "\n")
        ingest.load([folder / f"{number}.ndjson"], home)
        build_models(home, MARTS)
    full.mkdir()
    (full / "landing").symlink_to(home / "landing")
    build_models(full, MARTS)
    return home, full


def rows(home: Path, mart: str, period: str) -> dict[date, dict[str, Any]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            f"from {mart} where segment = 'app' and segment_value = ? and period = ?", [APP, period]
        ).to_arrow_table()
    return {row["period_start"]: row for row in found.to_pylist()}


def start_of(at: datetime, period: str) -> date:
    day = at.date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[period]


def test_many_builds_equal_one(homes: tuple[Path, Path]) -> None:
    assert differences(*homes) == {}


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_operations_are_what_happened(homes: tuple[Path, Path], period: str) -> None:
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    registered: dict[str, datetime] = {}
    paid: dict[str, list[datetime]] = defaultdict(list)
    for event in business_events():
        at = datetime.fromisoformat(event["occurred_at"])
        start, cents = start_of(at, period), event["properties"].get("amount_cents", 0)
        if event["event_name"] in COLUMNS:
            counts[start][COLUMNS[event["event_name"]]] += 1
        elif event["event_name"] in REGISTERED:
            registered[event["user_id"]] = min(at, registered.get(event["user_id"], at))
        elif event["event_name"] == "payment_completed":
            counts[start].update(revenue_cents=cents, successful_payments=1)
            paid[event["user_id"]].append(at)
        elif event["event_name"] == "refund_issued":
            counts[start]["revenue_cents"] -= cents
        elif event["event_name"] == "payment_failed":
            counts[start]["failed_payments"] += 1
    for person, at in registered.items():
        is_paid = any(at <= payment < at + timedelta(days=30) for payment in paid[person])
        counts[start_of(at, period)].update(new_registrations=1, paid_registrations=int(is_paid))
    columns = [
        *COLUMNS.values(),
        *("revenue_cents", "successful_payments", "failed_payments", "new_registrations", "paid_registrations"),
    ]
    found = rows(homes[0], "fct_daily_operations", period)
    assert {column: sum(row[column] for row in found.values()) > 0 for column in columns} == dict.fromkeys(
        columns, True
    )
    for start, row in found.items():
        wanted = counts.pop(start, Counter())
        assert {column: row[column] for column in columns} == {column: wanted[column] for column in columns}, start
    assert not counts


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_customers_and_orders_are_those_of_the_payments(homes: tuple[Path, Path], period: str) -> None:
    payments = [event for event in business_events() if event["event_name"] == "payment_completed"]
    first: dict[str, date] = {}
    for event in payments:
        day = datetime.fromisoformat(event["occurred_at"]).date()
        first[event["user_id"]] = min(day, first.get(event["user_id"], day))
    wanted: dict[date, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for event in payments:
        at, person = datetime.fromisoformat(event["occurred_at"]), event["user_id"]
        kinds = wanted[start_of(at, period)]
        kinds["orders"].add(event["properties"]["payment_id"])
        kinds["paying_customers"].add(person)
        kinds["new_customers" if at.date() == first[person] else "repeat_customers"].add(person)
    for start, row in rows(homes[0], "fct_revenue_overview", period).items():
        for column in ("orders", "paying_customers", "new_customers", "repeat_customers"):
            assert row[column] == len(wanted[start][column]), (start, column)
