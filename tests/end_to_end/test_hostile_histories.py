"""Hostile but legal histories in every format, against plain sums over what was delivered and never another build."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ingest
from tests.end_to_end.audit import Audit, Counts, Rules, copies, counts, landed
from tests.end_to_end.dbt_project import CORE, build_models, copy_part
from tests.end_to_end.hostile import FAULTY_APP, RATES, History, history, write

STORIES = int(os.environ.get("FOOTFALL_PROPERTY_HISTORIES", "80"))
SEED = int(os.environ.get("FOOTFALL_PROPERTY_SEED", "1"))
MARTS = (
    "events",
    "dim_persons",
    "fct_sessions",
    "fct_active_persons",
    "fct_growth_accounting",
    "fct_web_overview",
    "fct_payments",
    "fct_revenue_overview",
    "fct_mrr_movements",
    "fct_attribution",
)
# both zones change their clocks in these days, one of them by half an hour
WHOLE = Rules(zone="America/St_Johns")
APART = Rules(zone="Australia/Lord_Howe", week_start="sunday", mau_days=28, person_scope="app")

Bag = Counter[Hashable]


class Built:
    """A warehouse beside what is true of the events that are in it."""

    def __init__(self, told: History, warehouse: Path, rules: Rules) -> None:
        self.told = told
        self.connection = duckdb.connect(str(warehouse), read_only=True)
        self.sent = {delivery.event.nonce: delivery.event for delivery in told.deliveries}
        # app, id and day name an event; which of its copies stays is for the mart to say
        rows = self.rows("select event_id, (properties ->> '$.nonce')::bigint, person_id from events")
        self.stayed = [(event_id, self.sent[nonce], person) for event_id, nonce, person in rows]
        self.audit = Audit([(event_id, event) for event_id, event, _ in self.stayed], rules)
        self.persons = {person: self.audit.person_of(event) for _, event, person in self.stayed}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query; its times are UTC."""
        return [
            tuple(value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in row)
            for row in self.connection.execute(query).fetchall()
        ]


def contents(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select (properties ->> '$.nonce')::bigint, app, occurred_at, user_id, anonymous_id, event_id from events""")
    stayed = {event.nonce for _, event, _ in built.stayed}
    # one of the copies of each event, whichever
    nonces = [min(of_one & stayed or of_one) for of_one in copies(built.told).values()]
    nonces += [n for n, times in landed(built.told).items() if built.sent[n].event_id is None for _ in range(times)]
    expected = (built.sent[nonce] for nonce in nonces)
    return (
        Counter((n, *rest, event_id if built.sent[n].event_id is not None else None) for n, *rest, event_id in found),
        Counter((e.nonce, e.app, e.at, e.user, e.device, e.event_id) for e in expected),
    )


def properties(built: Built) -> tuple[Bag, Bag]:
    """Also a property that is named as a column of the landing."""
    names = sorted({name for event in built.sent.values() for name in event.properties})
    values = ", ".join("""properties ->> '$."{}"'""".format(name.replace('"', '\\"')) for name in names)
    found = built.rows(f"select {values} from events")

    def text(value: Any) -> str | None:
        return None if value is None else "false" if value is False else str(value)

    expected = (tuple(text(event.properties.get(name)) for name in names) for _, event, _ in built.stayed)
    return Counter(found), Counter(expected)


def persons(built: Built) -> tuple[Bag, Bag]:
    """Whatever they are called; what belongs to nobody is told apart."""
    found, expected = defaultdict(list), defaultdict(list)
    for _, event, person in built.stayed:
        found[person].append(event.nonce)
        expected[built.audit.person_of(event)].append(event.nonce)
    bags = [Counter((name is None, *sorted(of)) for name, of in side.items()) for side in (found, expected)]
    return bags[0], bags[1]


def seen(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("select person_id, first_seen_at, last_seen_at, events from dim_persons")
    times = defaultdict(list)
    for event in built.audit.events:
        times[built.audit.person_of(event)].append(event.at)
    return (
        Counter((built.persons[person], *rest) for person, *rest in found),
        Counter((person, min(at), max(at), len(at)) for person, at in times.items() if person is not None),
    )


def actives(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select segment_value, activity_date, dau, wau, mau, is_complete
        from fct_active_persons where segment in ('all', 'app')""")
    return Counter(found), Counter(built.audit.actives())


def lifecycles(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select segment_value, period, period_start, new_persons, returning_persons, resurrected_persons,
            dormant_persons, is_complete
        from fct_growth_accounting where segment in ('all', 'app')""")
    return Counter(found), Counter(built.audit.lifecycles())


def sessions(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("select app, person_id, started_at, ended_at, events, page_views, channel from fct_sessions")
    return (
        Counter((app, built.persons[person], *rest) for app, person, *rest in found),
        Counter(
            (s.app, s.person, s.started_at, s.ended_at, s.events, s.page_views, s.channel) for s in built.audit.sessions
        ),
    )


def visits_of_days(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select segment_value, period_start, sessions, views, is_complete
        from fct_web_overview where segment = 'app' and period = 'day' and sessions + views > 0""")
    return Counter(found), Counter(built.audit.visits_of_days())


def payments(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select app, kind, status, order_id, payment_date, revenue_cents, fault is not null, person_id
        from fct_payments where order_id not like 'conflict%' or order_id is null""")
    return (
        Counter((*rest, built.persons.get(person)) for *rest, person in found),
        Counter(
            (m.app, m.kind, m.status, m.order_id, m.day, m.revenue_cents, m.is_faulty, m.person)
            for m in built.audit.movements
            if not (m.order_id or "").startswith("conflict")
        ),
    )


def conflicts(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select distinct payment_id from fct_payments where payment_id like 'conflict%' and fault is not null""")
    return Counter(payment for (payment,) in found), Counter(built.audit.conflicts())


def revenue_of_days(built: Built) -> tuple[Bag, Bag]:
    found = built.rows(f"""
        select segment_value, period_start, paid_cents, refunded_cents, orders, successful_payments, failed_payments,
            refunds, is_complete
        from fct_revenue_overview
        where segment = 'app' and segment_value != '{FAULTY_APP}' and period = 'day'
            and orders + successful_payments + failed_payments + refunds > 0""")
    return Counter(found), Counter(row for row in built.audit.revenue_of_days() if row[0] != FAULTY_APP)


def mrr(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select segment_value, period_start, closing_mrr_cents from fct_mrr_movements
        where segment = 'app' and closing_mrr_cents > 0""")
    return (
        Counter(row for row in found if row[1] <= built.audit.clocks[row[0]]),
        Counter((*key, cents) for key, cents in built.audit.mrr().items() if cents),
    )


def credits(built: Built) -> tuple[Bag, Bag]:
    found = built.rows("""
        select model, period_start, channel, sum(credited_conversions)::int
        from fct_attribution
        where conversion = 'order' and model in ('first_touch', 'last_touch') and credited_conversions > 0
        group by all""")
    expected = [
        (model, *key, conversions)
        for model in ("first_touch", "last_touch")
        for key, conversions in built.audit.credits(model).items()
    ]
    return Counter(found), Counter(expected)


Comparison = Callable[[Built], tuple[Bag, Bag]]
ABOUT_PERSONS: list[Comparison] = [contents, persons, seen, actives, lifecycles, sessions]
COMPARISONS = [*ABOUT_PERSONS, properties, visits_of_days, payments, conflicts, revenue_of_days, mrr, credits]


def difference(found: Bag, expected: Bag) -> dict[str, list[str]]:
    """What only one of two bags has; of much only a little, to be read."""
    sides = {"found": found - expected, "expected": expected - found}
    return {
        name: [*sorted(map(str, side.elements()))[:8], f"{side.total()} in all"] for name, side in sides.items() if side
    }


def build(
    home: Path, project: Path, rules: Rules, marts: Collection[str], bugs: Collection[tuple[str, str, str]] = ()
) -> Path:
    """The warehouse of a home, by a part of the project with rates of its own, and with bugs where told."""
    copy_part(project, marts)
    with (project / "seeds" / "exchange_rates.csv").open("a") as rates:
        for currency, known in RATES.items():
            rates.writelines(f"{currency},USD,{first},{rate}\n" for first, rate in known)
    for file, right, wrong in bugs:
        text = (project / file).read_text()
        assert text.count(right) == 1, f"{file} no longer holds the line that this test breaks"
        (project / file).write_text(text.replace(right, wrong))
    settings = {
        "FOOTFALL_REPORTING_TIMEZONE": rules.zone,
        "FOOTFALL_WEEK_START": rules.week_start,
        "FOOTFALL_MAU_DAYS": str(rules.mau_days),
        "FOOTFALL_PERSON_SCOPE": rules.person_scope,
    }
    build_models(home, project=project, settings=settings)
    return home / "warehouse.duckdb"


@pytest.fixture(scope="module")
def told() -> History:
    return history(STORIES, SEED)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def receipts(told: History, home: Path) -> list[ingest.BatchReceipt]:
    """What the loads of all files say; a file may be loaded again."""
    return [
        receipt
        for file, path in zip(told.files, write(told, home, SEED), strict=True)
        for _ in range(file.loads)
        for receipt in ingest.load([path], home, app=file.app, timezone=file.zone)
    ]


@pytest.fixture(scope="module")
def built(
    told: History, home: Path, receipts: list[ingest.BatchReceipt], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    whole = Built(told, build(home, tmp_path_factory.mktemp("project"), WHOLE, MARTS), WHOLE)
    yield whole
    whole.connection.close()


@pytest.fixture(scope="module")
def built_apart(
    told: History, home: Path, receipts: list[ingest.BatchReceipt], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    """The same landing where apps share no people, in days and weeks of another place."""
    apart = tmp_path_factory.mktemp("apart")
    (apart / "landing").symlink_to(home / "landing")
    other = Built(told, build(apart, tmp_path_factory.mktemp("project"), APART, CORE), APART)
    yield other
    other.connection.close()


def test_every_row_is_accepted_or_a_duplicate_or_refused_with_its_reason(
    told: History, receipts: list[ingest.BatchReceipt]
) -> None:
    refused: Counter[str] = Counter()
    for receipt in receipts:
        refused.update(receipt.quarantined_by_reason)
    found = Counts(
        sum(receipt.received for receipt in receipts),
        sum(receipt.accepted for receipt in receipts),
        sum(receipt.duplicate for receipt in receipts),
        dict(refused),
    )
    assert found == counts(told)


@pytest.mark.parametrize("compared", COMPARISONS, ids=lambda compared: compared.__name__)
def test_marts_are_plain_sums_over_what_was_delivered(compared: Comparison, built: Built) -> None:
    assert difference(*compared(built)) == {}


@pytest.mark.parametrize("compared", ABOUT_PERSONS, ids=lambda compared: compared.__name__)
def test_apps_may_keep_their_people_apart(compared: Comparison, built_apart: Built) -> None:
    assert difference(*compared(built_apart)) == {}


PLANTED = [
    (
        "models/staging/stg_superseded_copies.sql",
        "select event_key(app, event_id, event_date) as copy_key",
        "select event_key('', event_id, event_date) as copy_key",
    ),
    (
        "models/staging/stg_superseded_copies.sql",
        "where event_key(app, event_id, event_date) in (select copy_key",
        "where event_key('', event_id, event_date) in (select copy_key",
    ),
    ("models/staging/stg_superseded_copies.sql", "partition by app, event_id", "partition by event_id"),
    ("macros/engines/sessions.sql", "over lane_bins) > {{ timeout_us }}", "over lane_bins) >= {{ timeout_us }}"),
    ("models/intermediate/int_money_movements.sql", "partition by app, payment_id\n", "partition by payment_id\n"),
    ("models/intermediate/int_clock_periods.sql", "on periods.period_start <= clocks.last_date", "on true"),
]


def test_planted_bugs_are_found(told: History, home: Path, receipts: list[ingest.BatchReceipt], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "landing").symlink_to(home / "landing")
    marts = ("events", "fct_sessions", "fct_payments", "fct_active_persons")
    faulty = Built(told, build(tmp_path / "home", tmp_path / "project", WHOLE, marts, PLANTED), WHOLE)
    assert {
        compared.__name__
        for compared in (contents, persons, sessions, payments, actives)
        if difference(*compared(faulty))
    } == {
        "contents",
        "sessions",
        "payments",
        "actives",
    }
    faulty.connection.close()
