"""What customers cost and bring, against plain Python over the same random events and spend."""

import json
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

import ingest
from tests.end_to_end.dbt_project import build_models, run_dbt

MEDIA = {"email": "Email", "affiliate": "Affiliates", "sms": "SMS", None: "Direct"}
MARGIN = Fraction(1, 2)
Key = tuple[str, str, date, str]


class Visit(NamedTuple):
    """One event, far from any other of its person, so that it is a session: cents below 0 are a refund."""

    person: str
    at: datetime
    app: str
    medium: str | None
    cents: int | None


class Economics(NamedTuple):
    """A row of the mart, but for what its own columns say again."""

    spend: int
    customers: Fraction
    new_revenue: Fraction
    revenue: Fraction
    payback: int | None


def lives(rng: random.Random) -> list[Visit]:
    made = []
    for number in range(120):
        at = datetime(2025, 1, 1, 6) + timedelta(hours=rng.randint(0, 1500))
        for _ in range(rng.randint(1, 9)):
            at += timedelta(hours=rng.choice([1, 2, 30, 300, 900]))
            cents = rng.choice([None, None, 0, rng.randint(1, 9999), rng.randint(1, 9999), -rng.randint(1, 3000)])
            medium = rng.choice(list(MEDIA)) if cents is None else None
            made.append(Visit(f"p{number}", at, rng.choice(["shop", "news"]), medium, cents))
    return made


def event(visit: Visit) -> dict[str, Any]:
    name = "page_view" if visit.cents is None else "order_completed" if visit.cents >= 0 else "refund_issued"
    return {
        "event_name": name,
        "occurred_at": visit.at.isoformat() + "Z",
        "user_id": visit.person,
        "app": visit.app,
        "properties": {} if visit.cents is None else {"amount_cents": abs(visit.cents), "currency": "USD"},
        "context": {"utm_source": "somebody", "utm_medium": visit.medium} if visit.medium else {},
    }


def shares(channels: list[str], model: str) -> dict[str, Fraction]:
    """What each channel is credited with of one customer, whose visits until then these are."""
    n = len(channels)
    if model == "first_touch":
        weights = [Fraction(i == 0) for i in range(n)]
    elif model == "last_non_direct":
        last = max((i for i in range(n) if channels[i] != "Direct"), default=n - 1)
        weights = [Fraction(i == last) for i in range(n)]
    elif model == "linear" or n <= 2:
        weights = [Fraction(1, n)] * n
    else:
        weights = [Fraction(2, 5) if i in (0, n - 1) else Fraction(1, 5 * (n - 2)) for i in range(n)]
    found: dict[str, Fraction] = defaultdict(Fraction)
    for channel, weight in zip(channels, weights, strict=True):
        found[channel] += weight
    return {channel: share for channel, share in found.items() if share}


def month(day: date) -> date:
    return date(day.year, day.month, 1)


def age(first: date, then: date) -> int:
    return 12 * (then.year - first.year) + then.month - first.month


def expected(visits: list[Visit], spend: list[tuple[str, date, str, int]], model: str) -> dict[Key, Economics]:
    customers: dict[Key, Fraction] = defaultdict(Fraction)
    revenue: dict[Key, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    spent: dict[Key, int] = defaultdict(int)
    for app, day, channel, cents in spend:
        for segment, value in (("all", "all"), ("app", app)):
            spent[segment, value, month(day), channel] += cents
    for person in {visit.person for visit in visits}:
        own = sorted((visit for visit in visits if visit.person == person), key=lambda visit: visit.at)
        for segment, value in (("all", "all"), ("app", "shop"), ("app", "news")):
            paid = [each for each in own if each.cents is not None and value in ("all", each.app)]
            first = next((each for each in paid if each.cents and each.cents > 0), None)
            if first is None:
                continue
            # an order that a server sends is no visit
            visited = [MEDIA[each.medium] for each in own if each.at <= first.at and each.cents is None]
            channels = visited or ["Direct"]
            for channel, share in shares(channels, model).items():
                key = (segment, value, month(first.at.date()), channel)
                customers[key] += share
                for each in paid:
                    if month(each.at.date()) >= key[2]:
                        revenue[key][age(key[2], month(each.at.date()))] += share * (each.cents or 0)
    rows = {}
    for key in customers.keys() | spent.keys():
        so_far, payback = Fraction(0), None
        for months, earned in sorted(revenue[key].items()):
            so_far += earned
            if payback is None and spent[key] and so_far * MARGIN >= spent[key]:
                payback = months
        rows[key] = Economics(spent[key], customers[key], revenue[key][0], so_far, payback)
    return rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Visit], list[tuple[str, date, str, int]]]:
    """A home with events and spend, the visits and the spend."""
    rng = random.Random(11)
    home = tmp_path_factory.mktemp("home")
    visits = lives(rng)
    (home / "events.ndjson").write_text("".join(json.dumps(event(visit)) + "\n" for visit in visits))
    ingest.load([home / "events.ndjson"], home)
    spend = [
        (
            rng.choice(["shop", "default"]),
            date(2025, rng.randint(1, 5), rng.randint(1, 28)),
            channel,
            rng.randint(0, 30000),
        )
        for channel in ("Email", "SMS", "Display")
        for _ in range(8)
    ]
    rows = [f"{app},{day},{channel},{cents}" for app, day, channel, cents in spend]
    (home / "spend.csv").write_text("\n".join(["app,date,channel,spend_cents", *rows]) + "\n")
    ingest.load([home / "spend.csv"], home, kind="spend")
    build_models(home, "--select", "+fct_channel_economics", "+fct_cohort_revenue", settings=settings_of("first_touch"))
    return home, visits, spend


def settings_of(model: str) -> dict[str, str]:
    return {"FOOTFALL_ACQUISITION_MODEL": model, "FOOTFALL_GROSS_MARGIN": "0.5"}


@pytest.mark.parametrize("model", ["first_touch", "last_non_direct", "linear", "position_based", "time_decay"])
def test_every_channel_has_its_customers_their_money_and_its_cost(
    model: str, world: tuple[Path, list[Visit], list[tuple[str, date, str, int]]]
) -> None:
    home, visits, spend = world
    run_dbt(
        home,
        "build",
        "--select",
        "int_customer_channels",
        "fct_channel_economics",
        "assert_acquired_customers_sum_to_the_customers",
        "--exclude-resource-type=unit_test",
        "--indirect-selection=cautious",  # laws over marts that are not built here
        settings=settings_of(model),
    )
    if model == "time_decay":  # a weight of every session: the law has compared the sums
        return
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            "select segment, segment_value, period_start, channel, spend_cents, acquired_customers, "
            "new_customer_revenue_cents, revenue_cents, payback_months, cac_cents, ltv_cents, ltv_to_cac "
            "from fct_channel_economics"
        ).fetchall()
    rows = expected(visits, spend, model)
    assert {tuple(row[:4]) for row in found} == rows.keys()
    is_whole = model in ("first_touch", "last_non_direct")
    for row in found:
        wanted = rows[tuple(row[:4])]
        cents, customers, new_revenue, revenue, payback, cac, ltv, ratio = row[4:]
        assert cents == wanted.spend
        assert float(customers) == pytest.approx(float(wanted.customers), abs=1e-9)
        # a cent of a customer's month goes to one channel whole
        assert new_revenue == pytest.approx(float(wanted.new_revenue), abs=0 if is_whole else 10)
        assert revenue == pytest.approx(float(wanted.revenue), abs=0 if is_whole else 30)
        if is_whole:
            assert payback == wanted.payback
        assert cac == (pytest.approx(cents / float(customers)) if customers else None)
        assert ltv == (pytest.approx(revenue / float(customers)) if customers else None)
        assert ratio == (pytest.approx(revenue * 0.5 / cents) if customers and cents else None)
    # months that pay back late, and spend that brought nobody, were among them
    assert any(row.payback for row in expected(visits, spend, "first_touch").values())
    assert any(not row.customers for row in rows.values())


def test_a_model_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Setting 'acquisition_model' is 'best'; legal values are first_touch"):
        run_dbt(tmp_path, "run", "--select", "dim_dates", settings=settings_of("best"))
