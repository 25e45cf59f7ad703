"""Subscriptions against an oracle in plain Python: random changes, told late, backdated, scheduled, of no use."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.values import install_macros
from tests.end_to_end.dbt_project import REPOSITORY, run_dbt

MODELS = {
    "int_exchange_rates": "intermediate",
    "int_subscription_events": "intermediate",
    "int_subscription_changes": "intermediate",
    "int_told_money_events": "intermediate",
    "int_priced_money_events": "intermediate",
    "int_subscription_turns": "intermediate",
    "int_subscription_stretches": "intermediate",
    "int_subscription_months": "intermediate",
    "int_customer_months": "intermediate",
    "fct_subscription_months": "marts/revenue",
    "fct_mrr_movements": "marts/revenue",
}
FIRST, LAST = datetime(2025, 1, 3, 12), datetime(2025, 5, 20, 12)
DAY = timedelta(days=1)
PLANS: dict[str, tuple[str, int, str, int | None]] = {
    "basic": ("month", 900, "USD", None),
    "trial": ("month", 2_000, "EUR", 14),
}
RATES = {"USD": Fraction(1), "EUR": Fraction(11, 10), "JPY": Fraction(9, 1000)}
MINOR = {"USD": 2, "EUR": 2, "JPY": 0}
SHARES = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "quarter": Fraction(1, 3),
    "year": Fraction(1, 12),
    "6 months": Fraction(1, 6),
    "10 days": Fraction(365, 120),
}
SPELLINGS = {
    "Monthly": "month",
    "annual": "year",
    "every 6 months": "6 months",
    "P10D": "10 days",
    "3 months": "quarter",
}
# of what is of one moment: what is ended and begun anew goes on
RANKS = {"upgraded": 1, "downgraded": 1, "cancelled": 2, "created": 3, "reactivated": 3}


@dataclass(frozen=True)
class Change:
    """An event of a subscription, as sent."""

    event_id: str
    subscription: str | None
    person: int
    kind: str
    occurred: datetime
    effective: datetime | None
    trial_ends: datetime | None
    plan: str | None
    interval: str | None
    amount: int | None
    currency: str | None

    @property
    def decided(self) -> tuple[datetime, int, str]:
        return self.occurred, RANKS[self.kind], self.event_id

    @property
    def counts_from(self) -> datetime:
        return self.effective or self.occurred

    @property
    def says_currency(self) -> str | None:
        plan = PLANS.get((self.plan or "").lower())
        return self.currency or (plan[2] if plan else None)

    def price(self, currency: str) -> tuple[int | None, str | None]:
        """What it says of the price: in US cents an interval, and the interval; None where it cannot be used."""
        if self.kind == "cancelled":
            return None, None
        plan = PLANS.get((self.plan or "").lower())
        said = self.interval or (plan[0] if plan else None)
        interval = SPELLINGS.get(said or "", said)
        amount = self.amount
        if amount is None and plan and self.currency in (None, plan[2]):
            amount = plan[1]
        if amount is None:
            is_silent = self.kind == "reactivated" and self.plan is None and currency != "XXX"
            return None, interval if is_silent and (interval or "month") in SHARES else None
        if currency not in RATES or (interval or "month") not in SHARES or not 0 <= amount <= 10**15:
            return None, None
        return half_up(amount * RATES[currency] * Fraction(10) ** (2 - MINOR[currency])), interval

    def trial(self) -> datetime | None:
        if self.kind not in ("created", "reactivated"):
            return None
        if self.trial_ends:
            return self.trial_ends
        plan = PLANS.get((self.plan or "").lower())
        days = plan[3] if plan else None
        return self.counts_from + days * DAY if days else None


def half_up(value: Fraction) -> int:
    return int((value + Fraction(1, 2)) // 1)


def subscriptions_of(changes: list[Change]) -> dict[str, list[Change]]:
    """The changes of each subscription: those that name none are followed, customer by customer."""
    owners: dict[str, int] = {}
    for change in sorted(changes, key=lambda change: (change.occurred, change.event_id)):
        owners.setdefault(change.subscription or "", change.person)
    found: dict[str, list[Change]] = {}
    known: dict[int, dict[str, datetime | None]] = {}
    for change in sorted(changes, key=lambda change: change.decided):
        own = f"of person {change.person}"
        ends = known.setdefault(owners[change.subscription] if change.subscription else change.person, {})
        running = [name for name, end in ends.items() if end is None or end > change.occurred]
        ended = [name for name in ends if name not in running]
        candidates = running
        if change.kind != "cancelled":
            candidates = ended if change.kind == "reactivated" and ended else running or list(ends)
        name = change.subscription or (own if change.kind == "created" else None)
        if name is None and len(candidates) == 1:
            name = candidates[0]
        if name is None and not ends and change.kind != "cancelled":
            name = own
        if name is not None:
            ends[name] = change.counts_from if change.kind == "cancelled" else None
            found.setdefault(name, []).append(change)
    return found


def currencies_of(in_effect: list[Change]) -> dict[str, str]:
    """The currency of each change of a subscription: what it or its plan says, else what was said last, else next."""
    told = [change.says_currency for change in in_effect]
    found = {}
    for place, change in enumerate(in_effect):
        nearest = [*told[place::-1], *told[place:]]
        found[change.event_id] = next((currency for currency in nearest if currency), "USD")
    return found


def state_at(changes: list[Change], end: datetime) -> tuple[str, int] | None:
    """Status and MRR of one subscription right before `end`: decision after decision puts turns into a calendar."""
    in_effect = sorted(changes, key=lambda change: (change.counts_from, change.decided))
    currencies = currencies_of(in_effect)
    shifts: dict[str, datetime] = {}
    intervals: dict[str, str] = {}
    trial_until, interval = None, "month"
    for change in in_effect:
        trial, said = change.trial(), change.price(currencies[change.event_id])[1]
        if change.kind in ("created", "reactivated", "cancelled"):
            trial_until = max(change.counts_from, trial or change.counts_from)
        interval = said or interval
        shifts[change.event_id] = max(change.counts_from, trial_until or change.counts_from)
        intervals[change.event_id] = interval
    calendar: list[tuple[datetime, tuple[datetime, int, str], str, Change]] = []
    for change in sorted(changes, key=lambda change: change.decided):
        turns = [(shifts[change.event_id], "cancelled" if change.kind == "cancelled" else "active")]
        trial = change.trial()
        if trial and trial > change.counts_from:
            turns.insert(0, (change.counts_from, "trial"))
        calendar = [
            turn
            for turn in calendar
            if not (turn[0] > change.occurred and turn[0] > turn[3].occurred and turn[0] >= turns[0][0])
        ]
        calendar += [(at, change.decided, status, change) for at, status in turns]
    state, price = None, 0
    for at, _, status, change in sorted(calendar, key=lambda turn: turn[:2]):
        cents = change.price(currencies[change.event_id])[0]
        if cents is not None:
            price = half_up(cents * SHARES[intervals[change.event_id]])
        if at < end:
            state = status, price if status == "active" else 0
    return state


def month_ends() -> Iterator[tuple[date, datetime]]:
    start = datetime(2024, 9, 1)
    while start <= LAST:
        following = (start + 32 * DAY).replace(day=1)
        yield start.date(), min(following, LAST + timedelta(microseconds=1))
        start = following


def expected_closings(changes: list[Change]) -> dict[tuple[str, date], int]:
    """MRR above zero by subscription and month, by the oracle."""
    closings = {}
    for name, own in subscriptions_of(changes).items():
        for month, end in month_ends():
            state = state_at(own, end)
            if state and state[1]:
                closings[name, month] = state[1]
    return closings


def expected_movements(changes: list[Change]) -> dict[date, dict[str, int]]:
    """Movements of customers by month, by the oracle."""
    owners = {
        name: min(own, key=lambda change: (change.occurred, change.event_id)).person
        for name, own in subscriptions_of(changes).items()
    }
    closings = expected_closings(changes)
    months = [month for month, _ in month_ends()]
    movements: dict[date, dict[str, int]] = {}
    for person in set(owners.values()):
        before, has_paid = 0, False
        for month in months:
            mrr = sum(cents for (name, at), cents in closings.items() if at == month and owners[name] == person)
            kind = "new" if not has_paid else "reactivation"
            kind = "churn" if not mrr else kind if not before else "expansion" if mrr > before else "contraction"
            if mrr != before:
                row = movements.setdefault(month, {})
                row[kind] = row.get(kind, 0) + abs(mrr - before)
            before, has_paid = mrr, has_paid or mrr > 0
    return movements


TABLES = """
    create table currencies as from (values ('USD', 2), ('EUR', 2), ('JPY', 0), ('GBP', 2)) as v (currency, minor_units);
    create table exchange_rates as
        select currency, 'USD' as reporting_currency, valid_from::date as valid_from_date, rate::decimal(16, 8) as rate
        from (values ('EUR', 1.1), ('JPY', 0.009)) as v (currency, rate)
        cross join generate_series(timestamp '2024-12-15', timestamp '2025-06-15', interval 31 day) as r (valid_from);
    create table app_currencies (app varchar, currency varchar);
    create table plans as
        select 'shop' as app, 'basic' as plan_id, 'month' as billing_interval, 900 as amount_cents, 'USD' as currency, null as trial_days
        union all
        select 'shop', 'trial', 'month', 2000, 'EUR', 14;
    create table int_money_events (
        event_id varchar, identity_key ubigint, subscription_id varchar, plan_id varchar, money_event varchar, currency varchar,
        billing_interval varchar, amount_cents bigint, event_date date, occurred_at timestamp, effective_at timestamp, trial_ends_at timestamp,
        app varchar default 'shop', account_id varchar, payment_id varchar, order_id varchar, product_id varchar, country varchar,
        content_id varchar, creator_id varchar, billing_interval_count bigint, unreadable_properties map(varchar, varchar)
    );
    create table int_identities as select i::ubigint as identity_key, 'person ' || i as person_id from range(3) as r (i);
    create table int_person_origins as
        select 'person 0' as person_id, 'DE' as country, 'mobile' as device_type, 'Direct' as channel
        union all
        select 'person 1', null, 'mobile', 'Email';
"""  # noqa: E501


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The compiled models as tables that each example fills, from views over what they read."""
    home = tmp_path_factory.mktemp("subscriptions")
    (home / "landing" / "batches").mkdir(parents=True)
    run_dbt(home, "seed")
    run_dbt(home, "compile", "--select", *MODELS, settings={"FOOTFALL_REPORTING_CURRENCY": "USD"})
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    install_macros(connection)
    connection.execute(TABLES)
    connection.execute(
        "create table int_data_clocks as"
        " select unnest([null, 'shop']) as app, $1 as first_event_at, $2 as last_event_at, $2 as known_until_at",
        [FIRST, LAST],
    )
    # from two years before the first event on: changes are told up to a year late
    connection.execute(
        """
        create table int_clock_periods as
        select unnest(['', 'shop']) as clock, 'month' as period, start::date as period_start, start + interval 1 month <= $2 as is_complete
        from generate_series($1::timestamp, $2, interval 1 month) as months (start)
        """,  # noqa: E501
        [datetime(FIRST.year - 2, 1, 1), LAST],
    )
    for name, folder in MODELS.items():
        sql = (home / "target" / "compiled" / "footfall" / "models" / folder / f"{name}.sql").read_text()
        connection.execute(f"create view new_{name} as " + sql.replace('"warehouse"."main".', ""))
        connection.execute(f"create table {name} as from new_{name}")
    return connection


def built_from(warehouse: duckdb.DuckDBPyConnection, changes: list[Change]) -> duckdb.DuckDBPyConnection:
    warehouse.execute("truncate int_money_events")
    for change in changes:
        fields = {
            "event_id": change.event_id,
            "identity_key": change.person,
            "subscription_id": change.subscription,
            "plan_id": change.plan,
            "money_event": "subscription_" + change.kind,
            "currency": change.currency,
            "billing_interval": change.interval,
            "amount_cents": change.amount,
            "event_date": change.occurred.date(),
            "occurred_at": change.occurred,
            "effective_at": change.effective,
            "trial_ends_at": change.trial_ends,
        }
        marks = ", ".join(["?"] * len(fields))
        warehouse.execute(f"insert into int_money_events ({', '.join(fields)}) values ({marks})", [*fields.values()])
    for name in MODELS:
        warehouse.execute(f"create or replace table {name} as from new_{name}")
    return warehouse


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


moments = st.sampled_from([FIRST + n * DAY for n in (0, 1, 10, 28, 29, 40, 60, 90, 91, 120)])
offsets = st.sampled_from([-95 * DAY, -9 * DAY, -DAY, timedelta(0), 5 * DAY, 20 * DAY, 31 * DAY, 300 * DAY])


@st.composite
def change_lists(draw: st.DrawFn) -> list[Change]:
    changes = []
    for number in range(draw(st.integers(1, 9))):
        occurred = draw(moments)
        changes.append(
            Change(
                event_id=f"e{draw(st.integers(0, 99))}-{number}",
                subscription=draw(st.sampled_from([None, "s1", "s1", "s2"])),
                person=draw(st.integers(0, 2)),
                kind=draw(
                    st.sampled_from(["created", "created", "upgraded", "downgraded", "cancelled", "reactivated"])
                ),
                occurred=occurred,
                effective=draw(st.none() | offsets.map(lambda offset, at=occurred: at + offset)),
                trial_ends=draw(st.none() | st.none() | offsets.map(lambda offset, at=occurred: at + offset)),
                plan=draw(st.sampled_from([None, None, "basic", "Trial", "unheard of"])),
                interval=draw(
                    st.sampled_from([None, "month", "year", "quarter", "week", "day", "fortnight", *SPELLINGS])
                ),
                amount=draw(st.sampled_from([None, 0, 1, 500, 999, 12_000, -5, 10**16])),
                currency=draw(st.sampled_from([None, None, "USD", "EUR", "JPY", "XXX", "GBP"])),
            )
        )
    return changes


MOVEMENTS = {
    "new": "new_mrr_cents",
    "expansion": "expansion_mrr_cents",
    "contraction": "contraction_mrr_cents",
    "churn": "churned_mrr_cents",
    "reactivation": "reactivation_mrr_cents",
}
REF = "{{ ref('fct_mrr_movements') }}"
START = Change("a", "s1", 0, "created", FIRST, None, None, None, "month", 1_000, "USD")
LATER = FIRST + 40 * DAY


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change_lists())
@example([START, replace(START, event_id="b", kind="cancelled", occurred=LATER, effective=LATER - 30 * DAY)])
@example([START, replace(START, event_id="b", kind="upgraded", occurred=LATER, effective=FIRST, amount=2_000)])
@example([START, replace(START, event_id="b", subscription="s2", amount=500)])
def test_any_history_of_changes(warehouse: duckdb.DuckDBPyConnection, changes: list[Change]) -> None:
    built = built_from(warehouse, changes)
    months = rows(built, "select subscription_id, period_start, closing_mrr_cents from fct_subscription_months")
    assert {(name, month): cents for name, month, cents in months if cents} == expected_closings(changes)
    found: dict[date, dict[str, int]] = {}
    for month, *moved in rows(
        built, f"select period_start, {', '.join(MOVEMENTS.values())} from fct_mrr_movements where segment = 'all'"
    ):
        if any(moved):
            found[month] = {kind: cents for kind, cents in zip(MOVEMENTS, moved, strict=True) if cents}
    assert found == expected_movements(changes)
    assert (
        rows(
            built,
            (REPOSITORY / "tests/dbt/assert_mrr_movements_reconcile.sql").read_text().replace(REF, "fct_mrr_movements"),
        )
        == []
    )
