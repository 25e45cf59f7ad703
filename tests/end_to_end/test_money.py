"""Payments on real data against pandas, and what happens to money that is not in order."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import ingest
from tests.end_to_end.dbt_project import REPOSITORY, copy_part, run_dbt

PAYMENTS = ("build", "--resource-type=seed", "--resource-type=model", "--select", "+fct_payments")
SHOP = {"FOOTFALL_REPORTING_CURRENCY": "GBP", "FOOTFALL_REPORTING_TIMEZONE": "Europe/London"}


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """Invoice lines of Online Retail with whole pence, negative for what went back."""
    frame = pd.read_parquet(REPOSITORY / "demo" / "data" / "online_retail.parquet")
    pence = [
        int((Decimal(str(price)) * abs(int(quantity)) * 100).quantize(Decimal(1), ROUND_HALF_UP))
        for price, quantity in zip(frame["UnitPrice"], frame["Quantity"], strict=True)
    ]
    frame["pence"] = [p if q >= 0 else -p for p, q in zip(pence, frame["Quantity"], strict=True)]
    frame["month"] = pd.to_datetime(frame["InvoiceDate"]).dt.to_period("M")
    return frame


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same lines loaded and built by Footfall, reported in pounds."""
    home = tmp_path_factory.mktemp("shop")
    ingest.load([REPOSITORY / "demo" / "data" / "online_retail.parquet"], home, mapping="online_retail")
    run_dbt(home, *PAYMENTS, "+fct_cohort_revenue", settings=SHOP)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def test_revenue_orders_and_customers_are_those_of_pandas(shop: duckdb.DuckDBPyConnection, lines: pd.DataFrame) -> None:
    paid = lines[(lines["Quantity"] >= 0) & (lines["pence"] >= 0)]
    buyers = paid[(paid["pence"] > 0) & paid["CustomerID"].notna()]
    orders = buyers.groupby("CustomerID")["InvoiceNo"].nunique()
    expected = (
        int(lines["pence"].sum()),
        paid["InvoiceNo"].nunique(),
        buyers["CustomerID"].nunique(),
        int((orders >= 2).sum()),
    )
    assert expected[0] == 974_774_793
    found = shop.execute(
        """
        with orders as (
            select person_id, count(distinct coalesce(order_id, payment_id)) as orders
            from fct_payments where kind = 'payment' and revenue_cents > 0 and person_id is not null
            group by person_id
        )
        select
            (select sum(revenue_cents) from fct_payments)::bigint,
            (select count(distinct order_id) from fct_payments where kind = 'payment' and status = 'completed'),
            count(*),
            count(*) filter (where orders >= 2)
        from orders
        """
    ).fetchone()
    assert found == expected


def test_the_cohort_table_is_that_of_pandas(shop: duckdb.DuckDBPyConnection, lines: pd.DataFrame) -> None:
    known = lines[lines["CustomerID"].notna()]
    first = known[(known["pence"] > 0)].groupby("CustomerID")["month"].min().rename("cohort")
    members = known.join(first, on="CustomerID").dropna(subset=["cohort"])
    members = members[members["month"] >= members["cohort"]]
    members["age"] = [(m - c).n for m, c in zip(members["month"], members["cohort"], strict=True)]
    revenue = members.groupby(["cohort", "age"])["pence"].sum()
    payers = members[members["pence"] > 0].groupby(["cohort", "age"])["CustomerID"].nunique()
    sizes = first.groupby(first).size()
    expected = {
        (str(cohort), age): (int(sizes[cohort]), int(payers.get((cohort, age), 0)), int(revenue.get((cohort, age), 0)))
        for cohort in sizes.index
        for age in range((lines["month"].max() - cohort).n + 1)
    }
    found = shop.execute(
        "select strftime(cohort_start, '%Y-%m'), period, customers, paying_customers, revenue_cents "
        "from fct_cohort_revenue where segment = 'app'"
    ).fetchall()
    assert {(cohort, age): tuple(rest) for cohort, age, *rest in found} == expected


def test_a_missing_rate_is_a_fault_until_it_is_there_and_stops_the_build_where_it_should(tmp_path: Path) -> None:
    project, home = copy_part(tmp_path / "project", ["fct_payments"]), tmp_path / "home"
    events = tmp_path / "events.ndjson"
    events.write_text(
        '{"event_name": "purchase", "occurred_at": "2024-05-01T10:00:00Z", "user_id": "u", "app": "shop",'
        ' "properties": {"amount_cents": 100, "currency": "CHF"}}\n'
        '{"event_name": "purchase", "occurred_at": "2024-05-01T10:00:00Z", "user_id": "u", "app": "other",'
        ' "properties": {"amount_cents": 100, "currency": "USD"}}\n'
    )
    ingest.load([events], home)

    def payments(**settings: str) -> list[tuple[object, ...]]:
        run_dbt(home, *PAYMENTS, project=project, settings=settings)
        with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
            return warehouse.execute("select app, revenue_cents, fault from fct_payments order by app").fetchall()

    def rate(valid_from_date: str, rate: str) -> None:
        with (project / "seeds" / "exchange_rates.csv").open("a") as rates:
            rates.write(f"CHF,USD,{valid_from_date},{rate}\n")

    without = [("other", 100, None), ("shop", 0, "missing_rate")]
    assert payments() == without
    with pytest.raises(AssertionError, match=r"2024-05-01 in app shop is in CHF.*exchange_rates.csv has no rate"):
        payments(FOOTFALL_MISSING_RATE="stop")
    # of a later day, and 32 days old
    rate("2024-05-02", "1.1")
    rate("2024-03-30", "1.1")
    assert payments() == without
    rate("2024-03-31", "1.095")
    # half a cent goes away from zero
    assert payments() == [("other", 100, None), ("shop", 110, None)]
    assert payments(FOOTFALL_MAX_RATE_AGE_DAYS="30") == without


def test_a_reporting_currency_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="must be a code of ISO 4217 in capitals"):
        run_dbt(tmp_path, "seed", settings={"FOOTFALL_REPORTING_CURRENCY": "euro"})
