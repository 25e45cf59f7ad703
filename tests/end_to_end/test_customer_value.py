"""What dbt says of customers' worth is what plain Python says of the same payments, in whatever order they came."""

import json
import random
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import ingest
from fits.customer_value import forecast_customers
from tests.end_to_end.dbt_project import build_models, differences

START, LAST = date(2024, 1, 1), date(2024, 12, 31)
HORIZON = 90
MODELS = ("--select", "+dim_customer_ltv", "+fct_ltv_validation")
SETTINGS = {"FOOTFALL_LTV_HORIZON_DAYS": str(HORIZON), "FOOTFALL_GROSS_MARGIN": "0.5"}
Payments = dict[str, list[tuple[date, int]]]


def payments(rng: random.Random, customers: int) -> Payments:
    """Each customer's payments and refunds (negative): some twice a day, some given back later."""
    made: Payments = {}
    for number in range(customers):
        rate, leaves = rng.gammavariate(1.2, 1 / 40), rng.betavariate(1.0, 4.0)
        day, value = START + timedelta(days=rng.randrange(300)), rng.gammavariate(3, 1000)
        rows: list[tuple[date, int]] = []
        at = float(day.toordinal())
        while date.fromordinal(int(at)) <= LAST:
            day = date.fromordinal(int(at))
            rows += [(day, 1 + int(rng.gammavariate(2, value / 2))) for _ in range(rng.choice([1, 1, 1, 2]))]
            if rng.random() < 0.1 and day + timedelta(days=3) <= LAST:
                rows.append((day + timedelta(days=3), -rows[-1][1] // 2))
            at += max(rng.expovariate(rate), 0.01)
            if rng.random() < leaves:
                break
        made[f"c{number}"] = rows
    return made


def lines(app: str, made: Payments) -> list[str]:
    return [
        json.dumps(
            {
                "event_id": f"{app}-{customer}-{number}",
                "event_name": "purchase" if cents > 0 else "refund",
                "occurred_at": f"{day}T12:00:00Z",
                "user_id": f"{app}-{customer}",
                "app": app,
                "properties": {"amount_cents": abs(cents), "currency": "USD"},
            }
        )
        for customer, rows in made.items()
        for number, (day, cents) in enumerate(rows)
    ]


def load(home: Path, events: list[str], parts: int) -> None:
    for part in range(parts):
        path = home / f"part-{part}.ndjson"
        path.write_text("\n".join(events[part::parts]) + "\n")
        ingest.load([path], home)


def histories(made: Payments, until: date) -> dict[str, tuple[int, int, int, int]]:
    """Days with a purchase, days to the last of them, days to `until`, and net cents, by customer."""
    found = {}
    for customer, rows in made.items():
        days = sorted({day for day, cents in rows if cents > 0 and day <= until})
        if days:
            net = sum(cents for day, cents in rows if day <= until)
            found[customer] = (len(days), (days[-1] - days[0]).days, (until - days[0]).days, net)
    return found


@pytest.fixture(scope="module")
def shop() -> Payments:
    made = payments(random.Random(13), 160)
    # the app's clock stands at the last day
    made["c0"] = [*made["c0"], (LAST, 500)]
    return made


@pytest.fixture(scope="module")
def home(shop: Payments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    load(home, [*lines("shop", shop), *lines("kiosk", {"k": [(START, 100), (LAST, 100)]})], 1)
    build_models(home, *MODELS, settings=SETTINGS)
    return home


def ask(home: Path, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        result = warehouse.execute(query)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def test_customers_are_predicted_from_what_they_paid(home: Path, shop: Payments) -> None:
    expected = histories(shop, LAST)
    columns = (np.array(column, dtype=float) for column in zip(*expected.values(), strict=True))
    told = forecast_customers(*columns, horizon=float(HORIZON))  # type: ignore[misc]
    assert set(told.fault) == {""}
    rows = {row["person_id"]: row for row in ask(home, "from dim_customer_ltv where app = 'shop'")}
    assert rows.keys() == {f"shop-{customer}" for customer in expected}
    for place, (customer, (days, recency, age, net)) in enumerate(expected.items()):
        row = rows[f"shop-{customer}"]
        assert (row["purchase_days"], row["recency_days"], row["age_days"]) == (days, recency, age)
        assert row["revenue_cents"] == net and row["horizon_days"] == HORIZON
        assert row["expected_purchases"] == told.expected_purchases[place]
        assert row["predicted_revenue_cents"] == told.predicted_revenue[place]
        assert row["predicted_revenue_upper_cents"] == told.revenue_upper[place]
        assert row["probability_alive"] == told.probability_alive[place]
        assert row["predicted_ltv_cents"] == pytest.approx(0.5 * (net + told.predicted_revenue[place]))


def test_the_holdout_compares_with_what_came_later(home: Path, shop: Payments) -> None:
    first = min(day for rows in shop.values() for day, cents in rows if cents > 0)
    cut = LAST - timedelta(days=(LAST - first).days // 3)
    known = histories(shop, cut)
    later: dict[str, int] = defaultdict(int)
    for customer in known:
        later[customer] = len({day for day, cents in shop[customer] if cents > 0 and day > cut})
    columns = (np.array(column, dtype=float) for column in zip(*known.values(), strict=True))
    told = forecast_customers(*columns, horizon=float((LAST - cut).days))  # type: ignore[misc]
    (row,) = ask(home, "from fct_ltv_validation where app = 'shop' and purchases_bucket = 'all'")
    assert (row["calibrated_until_date"], row["customers"]) == (cut, len(known))
    assert row["actual_purchases"] == sum(later.values())
    assert row["predicted_purchases"] == pytest.approx(np.sum(told.expected_purchases))
    misses = [abs(e - later[customer]) for customer, e in zip(known, told.expected_purchases, strict=True)]
    assert row["purchases_mae"] == pytest.approx(np.mean(misses))
    revenue = sum(cents for customer in known for day, cents in shop[customer] if day > cut)
    assert row["actual_revenue_cents"] == revenue
    assert row["predicted_revenue_cents"] == pytest.approx(np.sum(told.predicted_revenue))
    # customers who really are as the model says are predicted
    assert row["predicted_purchases_lower"] <= row["actual_purchases"] <= row["predicted_purchases_upper"]
    assert row["purchases_mae"] < row["naive_purchases_mae"]


def test_too_few_customers_are_told_and_not_guessed(home: Path) -> None:
    (row,) = ask(home, "from dim_customer_ltv where app = 'kiosk'")
    assert row["prediction_fault"] == "too_few_customers" and row["revenue_cents"] == 200
    assert row["expected_purchases"] is None and row["predicted_ltv_cents"] is None


def test_no_payments_are_no_fault(tmp_path: Path) -> None:
    event = {"event_name": "page_view", "occurred_at": "2024-01-01T00:00:00Z", "user_id": "u"}
    load(tmp_path, [json.dumps(event)], 1)
    build_models(tmp_path, *MODELS)
    assert ask(tmp_path, "from int_customer_predictions") == ask(tmp_path, "from dim_customer_ltv") == []
    assert ask(tmp_path, "from fct_ltv_validation") == []


def test_predictions_do_not_depend_on_the_order_of_arrival(home: Path, shop: Payments, tmp_path: Path) -> None:
    events = [*lines("shop", shop), *lines("kiosk", {"k": [(START, 100), (LAST, 100)]})]
    random.Random(5).shuffle(events)
    load(tmp_path, events[:300], 1)
    build_models(tmp_path, *MODELS, settings=SETTINGS)
    load(tmp_path, events[300:], 2)
    build_models(tmp_path, *MODELS, settings=SETTINGS)
    found = differences(home, tmp_path, ignored_columns=("batch_id", "row_number", "received_at"))
    assert {name: rows for name, rows in found.items() if not name.startswith("stg_")} == {}
