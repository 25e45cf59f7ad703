"""What the marts must say about hostile histories, as plain sums: written from the definitions alone, never the SQL."""

import csv
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.end_to_end.dbt_project import REPOSITORY
from tests.end_to_end.hostile import DAY, MINOR_UNITS, RATES, TIMEOUT, VISITS, Event, History, Money

MAX_RATE_AGE = timedelta(days=31)
LOOKBACK = timedelta(days=30)
PERIODS = ("day", "week", "month")

with (REPOSITORY / "seeds" / "event_catalog.csv").open(encoding="utf-8") as _file:
    CATALOG = {row["event_name"]: row for row in csv.DictReader(_file)}


def landed(history: History) -> Counter[int]:
    """How often each nonce must have landed: once, and without an id as often as the file with most of it has it."""
    found: Counter[int] = Counter()
    for (_, nonce), times in Counter((d.file, d.event.nonce) for d in history.deliveries).items():
        found[nonce] = max(found[nonce], times)
    ids = {delivery.event.nonce: delivery.event.event_id for delivery in history.deliveries}
    return Counter({nonce: times if ids[nonce] is None else 1 for nonce, times in found.items()})


def copies(history: History) -> dict[tuple[str, str, date], set[int]]:
    """The nonces of each event that has an id, which names it within its app and the day that the client wrote."""
    found = defaultdict(set)
    for event in (delivery.event for delivery in history.deliveries):
        if event.event_id is not None:
            found[event.app, event.event_id, event.written_at.date()].add(event.nonce)
    return found


@dataclass(frozen=True)
class Counts:
    """What the receipts of all loads add up to."""

    received: int
    accepted: int
    duplicate: int
    quarantined: dict[str, int]


def counts(history: History) -> Counts:
    """What the receipts of all loads must add up to."""
    delivered = sum(delivery.file.loads for delivery in history.deliveries)
    refused: Counter[str] = Counter()
    for row in history.refused:
        refused[row.reason] += row.file.loads
    accepted = sum(landed(history).values())
    return Counts(delivered + refused.total(), accepted, delivered - accepted, dict(refused))


@dataclass(frozen=True)
class Rules:
    """Settings that numbers depend on."""

    zone: str = "UTC"
    week_start: str = "monday"
    mau_days: int = 30
    person_scope: str = "shared"


@dataclass(frozen=True)
class Session:
    """A session of one device stream in one app."""

    app: str
    person: str
    started_at: datetime
    ended_at: datetime
    events: int
    page_views: int
    channel: str
    is_visit: bool


class Movement(NamedTuple):
    """A payment or a refund."""

    app: str
    kind: str
    status: str
    person: str | None
    order_id: str | None
    day: date
    revenue_cents: int
    is_faulty: bool


class Audit:
    """What is true of the events that stayed, by some rules.

    `stayed` has each event with its id as the mart gives it: the order of equal moments.
    """

    def __init__(self, stayed: list[tuple[str, Event]], rules: Rules) -> None:
        self.rules, self.zone = rules, ZoneInfo(rules.zone)
        self.events = [event for _, event in sorted(stayed, key=lambda pair: (pair[1].at, pair[0]))]
        self._find_people()

    # who

    def _find_people(self) -> None:
        self.users = {self._scoped(event.app, event.user) for event in self.events if event.user is not None}
        self.owners: dict[str, str] = {}
        seen = (
            (event.at, self._scoped(event.app, event.user), self._scoped(event.app, event.device))
            for event in self.events
            if event.user is not None and event.device is not None
        )
        for _, user, device in sorted(seen):
            self.owners.setdefault(device, user)
        self.joined: dict[str, str] = {}
        for event in self.events:
            if event.merged_id is not None and event.user is not None:
                other = self._scoped(event.app, event.merged_id)
                one = self._root(self._scoped(event.app, event.user))
                other = self._root(other if other in self.users else self.owners.get(other, other))
                if one != other:
                    self.joined[one] = other

    def _scoped(self, app: str, name: str) -> str:
        return f"{app}\n{name}" if self.rules.person_scope == "app" else name

    def _root(self, name: str) -> str:
        while name in self.joined:
            name = self.joined[name]
        return name

    def person(self, app: str, user: str | None, device: str | None) -> str | None:
        """The person of this user on this device."""
        if user is not None:
            return self._root(self._scoped(app, user))
        if device is None:
            return None
        name = self._scoped(app, device)
        return self._root(self.owners.get(name, name))

    def person_of(self, event: Event) -> str | None:
        """The person of an event."""
        return self.person(event.app, event.user, event.device)

    # when

    def day(self, at: datetime) -> date:
        """The calendar day of a moment."""
        return at.astimezone(self.zone).date()

    def start(self, day: date, period: str) -> date:
        """The first day of the day's period."""
        shift = day.weekday() if self.rules.week_start == "monday" else (day.weekday() + 1) % 7
        return {"day": day, "week": day - shift * DAY, "month": day.replace(day=1)}[period]

    @staticmethod
    def next_start(start: date, period: str) -> date:
        """The first day of the period after one."""
        if period == "month":
            return (start + 31 * DAY).replace(day=1)
        return start + (1 if period == "day" else 7) * DAY

    @cached_property
    def clocks(self) -> dict[str, date]:
        """For all and for each app: the day of the last event."""
        return {segment: self.day(event.at) for event in self.events for segment in ("all", event.app)}

    # activity

    @cached_property
    def active_days(self) -> dict[str, list[set[date]]]:
        """For all and for each app: the days on which each person was active."""
        days: dict[str, dict[str, set[date]]] = defaultdict(lambda: defaultdict(set))
        for event in self.events:
            person = self.person_of(event)
            if person is not None and is_activity(event):
                for segment in ("all", event.app):
                    days[segment][person].add(self.day(event.at))
        return {segment: list(persons.values()) for segment, persons in days.items()}

    def actives(self) -> Iterator[tuple[str, date, int, int, int, bool]]:
        """Per segment and day, to the day of its last event: DAU, WAU and MAU, and whether the day is over."""
        for segment, persons in self.active_days.items():
            day = min(map(min, persons))
            while day <= self.clocks[segment]:
                dau, wau, mau = (
                    sum(any(day - width * DAY < active <= day for active in days) for days in persons)
                    for width in (1, 7, self.rules.mau_days)
                )
                yield segment, day, dau, wau, mau, day < self.clocks[segment]
                day += DAY

    def lifecycles(self) -> Iterator[tuple[str, str, date, int, int, int, int, bool]]:
        """Per segment and period, to that of its last event: new, returning, resurrected, dormant, and if over."""
        for segment, persons in self.active_days.items():
            for period in PERIODS:
                active = [{self.start(day, period) for day in days} for days in persons]
                before, start = None, min(map(min, active))
                while start <= self.clocks[segment]:
                    new = sum(start == min(starts) for starts in active)
                    returning = sum(start in starts and before in starts for starts in active)
                    resurrected = sum(start in starts for starts in active) - new - returning
                    dormant = sum(before in starts and start not in starts for starts in active)
                    following = self.next_start(start, period)
                    is_over = following <= self.clocks[segment]
                    yield segment, period, start, new, returning, resurrected, dormant, is_over
                    before, start = start, following

    # sessions

    @cached_property
    def sessions(self) -> list[Session]:
        """The sessions of every device stream."""
        streams = defaultdict(list)
        for event in self.events:
            if event.device is not None or event.user is not None:
                streams[event.app, event.device is not None, event.device or event.user].append(event)
        return [self._session(events) for stream in streams.values() for events in _cut(stream)]

    def _session(self, events: list[Event]) -> Session:
        first, last = events[0], events[-1]
        user = next((event.user for event in events if event.user is not None), None)
        person = self.person(first.app, user, first.device)
        assert person is not None
        tagged = next((event.context for event in events if "utm_source" in event.context), None)
        context = tagged or next((event.context for event in events if "referrer" in event.context), {})
        return Session(
            first.app,
            person,
            first.at,
            last.at,
            len(events),
            sum(map(is_page_view, events)),
            next((channel for channel, visit in VISITS if visit.items() <= context.items()), "Direct"),
            bool(context) or any(map(is_page_view, events)),
        )

    def visits_of_days(self) -> Iterator[tuple[str, date, int, int, bool]]:
        """By app and day: sessions, page views (those of nobody too), and whether it is over."""
        started = Counter((session.app, self.day(session.started_at)) for session in self.sessions)
        views = Counter((event.app, self.day(event.at)) for event in self.events if is_page_view(event))
        for app, day in started.keys() | views.keys():
            yield app, day, started[app, day], views[app, day], day < self.clocks[app]

    # money

    @cached_property
    def movements(self) -> list[Movement]:
        """Each payment once, on the day of the first event that says it, and each refund."""
        found, seen = [], set()
        for event in self.events:
            money = event.money
            if not money or money.kind not in ("payment", "failed", "refund"):
                continue
            if money.kind != "refund" and money.payment_id is not None:
                if (event.app, money.payment_id) in seen:
                    continue
                seen.add((event.app, money.payment_id))
            day = self.day(event.at)
            cents = None if money.is_faulty else in_dollars(money, day)
            kind, status, sign = {
                "payment": ("payment", "completed", 1),
                "failed": ("payment", "failed", 0),
                "refund": ("refund", "completed", -1),
            }[money.kind]
            person, is_faulty = self.person_of(event), cents is None
            found.append(Movement(event.app, kind, status, person, money.order_id, day, sign * (cents or 0), is_faulty))
        return found

    def conflicts(self) -> set[str]:
        """The payments of the faulty app of which two events say another amount, currency or customer."""
        said = defaultdict(set)
        for event in self.events:
            if event.money and event.money.payment_id and event.money.payment_id.startswith("conflict"):
                terms = event.properties["amount_cents"], event.properties["currency"]
                said[event.money.payment_id].add((self.person_of(event), *terms))
        return {payment for payment, terms in said.items() if len(terms) > 1}

    def revenue_of_days(self) -> Iterator[tuple[str, date, int, int, int, int, int, int, bool]]:
        """By app and day: cents paid and given back, orders, payments, failed ones, refunds; whether it is over."""
        days = defaultdict(list)
        for movement in self.movements:
            days[movement.app, movement.day].append(movement)
        for (app, day), moved in days.items():
            paid = [m for m in moved if m.kind == "payment" and m.status == "completed"]
            refunds = [m for m in moved if m.kind == "refund"]
            money = sum(m.revenue_cents for m in paid), -sum(m.revenue_cents for m in refunds)
            orders, failed = len({m.order_id for m in paid}), len(moved) - len(paid) - len(refunds)
            yield app, day, *money, orders, len(paid), failed, len(refunds), day < self.clocks[app]

    def mrr(self) -> dict[tuple[str, date], int]:
        """Closing MRR in cents by app and month, to the month of the app's last event."""
        started: dict[tuple[str, str | None], tuple[date, Money]] = {}
        ended: dict[tuple[str, str | None], date] = {}
        for event in self.events:
            if event.money and event.money.kind in ("subscribe", "cancel"):
                key, day = (event.app, event.money.subscription_id), self.day(event.money.effective_at or event.at)
                if event.money.kind == "subscribe":
                    started[key] = day, event.money
                else:
                    ended[key] = day
        closing: Counter[tuple[str, date]] = Counter()
        for (app, name), (day, money) in started.items():
            month = self.start(day, "month")
            while month <= self.clocks[app]:
                following = self.next_start(month, "month")
                is_over = (app, name) in ended and ended[app, name] < following
                closing[app, month] += 0 if is_over else money.cents // money.months
                month = following
        return closing

    def credits(self, model: str) -> Counter[tuple[date, str]]:
        """Orders by month and by the channel of the first or the last visit of the thirty days before them."""
        visits = defaultdict(list)
        for session in self.sessions:
            if session.is_visit:
                visits[session.person].append(session)
        found: Counter[tuple[date, str]] = Counter()
        seen = set()
        for event in self.events:
            person = self.person_of(event)
            if event.name != "order_completed" or person is None:
                continue
            assert event.money
            payment = event.app, event.money.payment_id
            if event.money.payment_id is not None and payment in seen:
                continue
            seen.add(payment)
            before = [v for v in visits[person] if event.at - LOOKBACK <= v.started_at <= event.at]
            choose = min if model == "first_touch" else max
            channel = choose(before, key=lambda visit: visit.started_at).channel if before else "Direct"
            found[self.start(self.day(event.at), "month"), channel] += 1
        return found


def is_activity(event: Event) -> bool:
    """Whether an event makes its person active."""
    return event.name not in CATALOG or CATALOG[event.name]["is_activity"] == "true"


def is_page_view(event: Event) -> bool:
    """Whether an event is the view of a page or screen."""
    return event.name in CATALOG and CATALOG[event.name]["is_page_view"] == "true"


def is_passive(event: Event) -> bool:
    """Whether an event can neither begin a session nor lengthen one."""
    return event.name in CATALOG and CATALOG[event.name]["is_passive"] == "true"


def _cut(stream: list[Event]) -> Iterator[list[Event]]:
    """The sessions of a stream's events, each in the order that these have."""
    session: list[int] = []
    open_until: datetime | None = None
    # of one moment a passive event comes after what may begin a session
    for place in sorted(range(len(stream)), key=lambda place: (stream[place].at, is_passive(stream[place]))):
        event = stream[place]
        is_open = open_until is not None and event.at <= open_until
        if not is_passive(event):
            if session and not is_open:
                yield [stream[place] for place in sorted(session)]
                session = []
            open_until = event.at + TIMEOUT
        if is_open or not is_passive(event):
            session.append(place)
    if session:
        yield [stream[place] for place in sorted(session)]


def in_dollars(money: Money, day: date) -> int | None:
    """An amount in whole cents of a dollar at the rate of its day; None where there is none that is young enough."""
    if money.currency == "USD":
        return money.cents
    rates = [(date.fromisoformat(first), Decimal(rate)) for first, rate in RATES[money.currency]]
    place = bisect_right([first for first, _ in rates], day)
    if not place or day - rates[place - 1][0] > MAX_RATE_AGE:
        return None
    amount = Decimal(money.cents).scaleb(2 - MINOR_UNITS[money.currency]) * rates[place - 1][1]
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
