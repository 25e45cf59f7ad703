"""Histories that are hostile but legal, and what is true of them: who did what, when and for how much.

A story has a small cast that nobody else has, and is played in several apps that number everything alike. What is true
of an event is decided first; how each delivery spells it (format, ids, time, order of keys) is decided afterwards.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

APPS = ("shop", "Shop", "rides & more", "größe")
# only its payments are looked at one by one, because their money cannot be used
FAULTY_APP = "ledger"
# from before the day on which America skips an hour until after that on which Europe does
FIRST_MOMENT, LAST_MOMENT = datetime(2024, 3, 8, tzinfo=UTC), datetime(2024, 4, 3, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TIMEOUT = 30 * MINUTE
# an app that nobody uses any more while the others go on
CLOSED = {"größe": datetime(2024, 3, 25, tzinfo=UTC)}
MICROSECOND = timedelta(microseconds=1)

# of columns that the landing has too, and one that needs quoting
TAKEN_NAMES = ["batch_id", "event_date", "load_date", "stream_id", "content_hash", 'Größe, "x"']
NO_ID = ["", "null", "none", "nil", "undefined", "nan", "n/a", "(none)", "(not set)", "unknown", "anonymous", "guest"]
NO_ID += ["false", "[object Object]", "-1", "00000000-0000-0000-0000-000000000000", "{}"]
BLANKS = ["", "", "", "", " ", "  ", "\t", "\n"]

# texts that somebody might take for another text, for a number or for nothing
ODD_IDS: list[Callable[[int], str]] = [
    lambda n: str(n),
    lambda n: str(n),
    lambda n: f"00{n}",
    lambda n: f"{n}.0",
    lambda n: f"{n}e5",
    lambda n: f"0x{n}",
    lambda n: f"-{n + 1000}",
    lambda n: str(2**53 + n),
    lambda n: str(10**30 + n),
    lambda n: f"a{n}",
    lambda n: f"A{n}",
    lambda n: f"null{n}",
    lambda n: f"NULL {n}",
    lambda n: f"\u00e9{n}",
    lambda n: f"e\u0301{n}",
    lambda n: f"\U0001f642{n}",
    lambda n: f"\u05e9\u05dc\u05d5\u05dd{n}",
    lambda n: f"a\u200b{n}",
    lambda n: f"{'x' * 1000}{n}",
    lambda n: f'"{n}"',
    lambda n: f"'{n}",
    lambda n: f"{n},{n};{n}|{n}",
    lambda n: f"{n}\n{n}",
    lambda n: f"\\{n}",
    lambda n: f"%{n}%",
    lambda n: f"[{n}]",
]

PAGES = ["page_view", "page_view", "$pageview", "Page Viewed", "page", "screen"]
OTHERS = ["click", "Clicked, twice", "scroll"]
PASSIVE = ["$pageleave", "page_leave"]
VISITS: list[tuple[str, dict[str, str]]] = [
    ("Paid Search", {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"}),
    ("Email", {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "spring, second; \u00e9dition"}),
    ("Affiliates", {"utm_source": "partner", "utm_medium": "affiliate", "utm_campaign": "(partner)"}),
    ("Organic Search", {"referrer": "https://www.google.com/"}),
    ("Organic Social", {"referrer": "https://www.facebook.com/"}),
]
GAPS = [timedelta(0), timedelta(seconds=1), 7 * MINUTE, 29 * MINUTE, TIMEOUT - MICROSECOND, TIMEOUT, TIMEOUT]
GAPS += [TIMEOUT + MICROSECOND, 31 * MINUTE, 3 * 60 * MINUTE, 9 * 60 * MINUTE, DAY, 2 * DAY, 7 * DAY]

# what a unit was worth on each day from which a rate holds; the dollar is what is reported
RATES = {
    "EUR": [("2024-03-01", "1.08330001"), ("2024-03-20", "1.09"), ("2024-04-02", "1.07771111")],
    "JPY": [("2024-03-01", "0.00667")],
    "KWD": [("2024-03-05", "3.2551")],
    # from the twelfth of March on it is too old
    "SEK": [("2024-02-09", "0.0952")],
}
MINOR_UNITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3, "SEK": 2}
INTERVALS = {"month": 1, "monthly": 1, "Mo": 1, "year": 12, "yearly": 12, "annual": 12, "Annually": 12}


@dataclass(frozen=True)
class Money:
    """What an event does to money; ids are None where the event says none that is one."""

    kind: str
    payment_id: str | None = None
    order_id: str | None = None
    subscription_id: str | None = None
    cents: int = 0
    currency: str = "USD"
    months: int = 1
    effective_at: datetime | None = None
    is_faulty: bool = False


@dataclass(frozen=True)
class Event:
    """What is true of an event. `nonce` tells each content from every other, and is delivered as a property."""

    nonce: int
    app: str
    event_id: str | None
    name: str
    written_at: datetime
    user: str | None
    device: str | None
    clock: tuple[datetime, datetime] | None = None
    properties: Row = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)
    money: Money | None = None
    merged_id: str | None = None

    @property
    def at(self) -> datetime:
        """When it happened: as the client wrote it, put right by the two clocks where both are told."""
        return self.written_at + (self.clock[1] - self.clock[0]) if self.clock else self.written_at


@dataclass(frozen=True)
class File:
    """A file of a history: how it is written and loaded."""

    number: int
    format: str
    app: str | None
    zone: str
    delimiter: str = ","
    loads: int = 1

    @property
    def name(self) -> str:
        """Its name, which says its format."""
        return f"{self.number:02}-{self.format}.{self.format.split('_')[0]}"


@dataclass(frozen=True)
class Delivery:
    """An event as a row of a file."""

    file: File
    event: Event


@dataclass(frozen=True)
class Refused:
    """A row that can be no event, and why."""

    file: File
    reason: str
    fields: Row


@dataclass(frozen=True)
class History:
    """Everything that is delivered."""

    files: list[File]
    deliveries: list[Delivery]
    refused: list[Refused]


def history(stories: int, seed: int, files: int = 16) -> History:
    """Some stories, delivered in files of every format, copies and all."""
    rng = random.Random(seed)
    formats = ["ndjson", "ndjson_flat", "csv", "csv_flat", "parquet", "parquet_typed"]
    written = [
        File(
            number,
            formats[number % len(formats)],
            rng.choice([None, None, *APPS]),
            rng.choice(["UTC", "UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
            rng.choice(",;\t|"),
            rng.choice([1, 1, 1, 2]),
        )
        for number in range(files)
    ]
    deliveries = []
    for number in range(stories):
        for event in story(number, seed):
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                deliveries.append(Delivery(rng.choice(written), event))
            if rng.random() < 0.1:
                deliveries.append(deliveries[-1])
    rng.shuffle(deliveries)
    dirty = written[1::2]
    refused = [Refused(rng.choice(dirty), reason, fields) for reason, fields in REFUSED for _ in range(2)]
    return History(written, deliveries, refused)


def story(number: int, seed: int) -> list[Event]:
    """What a few people do in a few days, in order of nonce; a copy with other content is an event beside the first."""
    rng = random.Random(f"{seed}/{number}")
    cast = _Cast(number, rng)
    events: list[Event] = []
    nonces = iter(range(number * 1000, number * 1000 + 1000))
    at = FIRST_MOMENT + rng.random() * (LAST_MOMENT - FIRST_MOMENT - 9 * DAY)
    at = at.replace(microsecond=rng.choice([0, 0, at.microsecond // 1000 * 1000, at.microsecond]))
    if rng.random() < 0.5:
        at = at.replace(second=0, microsecond=0)
    cast.turn(at)
    for _ in range(rng.randint(5, 40)):
        gap = rng.choice(GAPS)
        if at + gap > LAST_MOMENT:
            break
        at += gap
        # what happens at one moment happens on one device
        if (gap and rng.random() < 0.3) or not is_used(cast.app, at):
            cast.turn(at)
        for event in cast.act(next(nonces), at):
            events.append(event)
            if event.event_id is not None and event.money is None and rng.random() < 0.12:
                events.append(other_content(event, next(nonces), cast, rng))
            if event.event_id is not None and event.clock:
                events.append(retried(event, next(nonces), rng))
        if cast.pending and rng.random() < 0.5:
            at += MINUTE
            app, follow_up = cast.pending.pop()
            if is_used(app, at):
                events.append(follow_up(next(nonces), at))
    return events


def is_used(app: str, at: datetime) -> bool:
    """Whether anybody still uses an app at a moment."""
    return app not in CLOSED or at < CLOSED[app]


def other_content(event: Event, nonce: int, cast: "_Cast", rng: random.Random) -> Event:
    """The same event id on the same day, sent again with something else in it."""
    shift = rng.choice([timedelta(0), MINUTE, -MINUTE, 31 * MINUTE, -31 * MINUTE]) + nonce % 1_000_000 * MICROSECOND
    moved = event.written_at + shift
    return replace(
        event,
        nonce=nonce,
        written_at=moved if moved.date() == event.written_at.date() else event.written_at,
        name=event.name if event.merged_id else rng.choice([event.name, *PAGES]),
        user=event.user if event.merged_id else rng.choice([event.user, *cast.users]),
        properties=event.properties | {"nonce": nonce},
    )


def retried(event: Event, nonce: int, rng: random.Random) -> Event:
    """The same request sent a while later: the two clocks tell a little more or less than the first time."""
    assert event.clock
    sent_at, received_at = event.clock
    wait, delay = rng.choice([1, 60, 3600]) * timedelta(seconds=1), rng.choice([1, 2, 4]) * timedelta(seconds=1)
    return replace(
        event,
        nonce=nonce,
        clock=(sent_at + wait, received_at + wait + delay),
        properties=event.properties | {"nonce": nonce},
    )


class _Cast:
    """Who plays in a story: their ids, and what each app has counted so far."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.number, self.rng = number, rng
        texts = [style(number * 10 + i) for i, style in enumerate(rng.sample(ODD_IDS, 6), 1)]
        self.users, self.devices = texts[:3], texts[3:]
        if rng.random() < 0.2:
            self.devices[0] = self.users[0]  # a device that is named as a user is
        self.names = rng.sample(ODD_IDS, len(ODD_IDS))
        self.apps = rng.sample(APPS, rng.choice([1, 2, 2, 3]))
        self.counts: dict[tuple[str, str], int] = {}
        self.pending: list[tuple[str, Callable[[int, datetime], Event]]] = []

    def turn(self, at: datetime) -> None:
        """Somebody else, in another app."""
        self.app = self.rng.choice([app for app in self.apps if is_used(app, at)] or [APPS[0]])
        self.device = self.rng.choice([*self.devices, *self.devices, None])
        self.user = self.rng.choice([*self.users, *[None] * 4])
        self.is_new_visit = True

    def next_id(self, kind: str, app: str) -> str:
        """The next number of an app, spelled oddly: every app counts from the same one."""
        # 0 is the id of an event, and nobody's
        count = self.counts[kind, app] = self.counts.get((kind, app), -1 if kind == "event" else 0) + 1
        number = self.number * 100 + count
        return str(number) if self.rng.random() < 0.5 else self.names[count % len(self.names)](number)

    def act(self, nonce: int, at: datetime) -> list[Event]:
        """What happens next, with what follows at once."""
        rng = self.rng
        if rng.random() < 0.12:
            return [self.pay(nonce, at)]
        if rng.random() < 0.04:
            return [self.subscribe(nonce, at)]
        if rng.random() < 0.05:
            return [self.fault(nonce, at)]
        if rng.random() < 0.05:
            return [self.merge(nonce, at)]
        event = self.event(nonce, at, rng.choice([*PAGES * 2, *OTHERS, *PASSIVE]))
        if self.is_new_visit and event.name in PAGES and rng.random() < 0.6:
            event = replace(event, context=event.context | rng.choice(VISITS)[1])
        self.is_new_visit = rng.random() < 0.3
        if rng.random() < 0.06 and event.event_id is not None:
            delay = rng.choice([timedelta(seconds=1), timedelta(seconds=-90), 3 * MINUTE])
            before_midnight = at.replace(hour=23, minute=59, second=58, microsecond=nonce % 1_000_000)
            event = replace(event, written_at=before_midnight, clock=(before_midnight, before_midnight + delay))
        return [event]

    def event(self, nonce: int, at: datetime, name: str, app: str | None = None, **more: Any) -> Event:
        app = app or self.app
        has_id = self.rng.random() < 0.9 or name == "refund_issued"
        more["properties"] = {"nonce": nonce} | more.get("properties", {})
        if self.rng.random() < 0.1:
            taken = self.rng.choice(["batch_id", "event_date", "load_date", "stream_id", "content_hash", 'Größe, "x"'])
            more["properties"][taken] = self.rng.choice(["2024-01-01", "7", "e\u0301 \u2028 \U0001f642"])
        return Event(
            nonce=nonce,
            app=app,
            event_id=self.next_id("event", app) if has_id else None,
            name=name,
            written_at=at,
            **{"user": self.user, "device": self.device} | more,
        )

    def pay(self, nonce: int, at: datetime) -> Event:
        """An order, a payment or a failed one; it may be sent again, or refunded, later."""
        rng = self.rng
        name = rng.choice(["order_completed", "order_completed", "payment_completed", "payment_failed"])
        user = rng.choice(self.users)
        device = rng.choice([self.device, None])  # a server sends it without one
        # what failed needs no rate
        currency = rng.choice([*MINOR_UNITS, "EUR"] if name != "payment_failed" else ["USD", "EUR", "JPY"])
        kind = "failed" if name == "payment_failed" else "payment"
        money = Money(
            kind,
            payment_id=self.next_id("payment", self.app) if rng.random() < 0.8 else None,
            order_id=self.next_id("order", self.app),
            cents=rng.choice([1, 99, 100, 1999, 12_345, 1_000_000]),
            currency=currency,
        )
        app = self.app
        if money.payment_id and rng.random() < 0.4:
            self.pending.append((app, partial(self.money, name, app, user, None, money)))
        if kind == "payment" and rng.random() < 0.2:
            rest = replace(money, payment_id=self.next_id("payment", app), cents=rng.randint(1, 5000))
            self.pending.append((app, partial(self.money, "payment_completed", app, user, None, rest)))
        if kind == "payment" and money.payment_id and rng.random() < 0.3:
            back = replace(money, kind="refund", cents=rng.randint(1, money.cents))
            self.pending.append((app, partial(self.money, "refund_issued", app, user, None, back)))
        return self.money(name, app, user, device, money, nonce, at)

    def money(
        self, name: str, app: str, user: str, device: str | None, money: Money, nonce: int, at: datetime
    ) -> Event:
        """An event of this money, spelled in one of the ways that mean it."""
        rng = self.rng
        is_implied = money.currency == "USD" or money.kind == "refund"
        properties: Row = {
            "payment_id": spelled_id(money.payment_id, rng),
            "order_id": spelled_id(money.order_id, rng),
            "amount_cents": rng.choice([money.cents, str(money.cents), float(money.cents), f"+{money.cents}"]),
            "currency": rng.choice(
                [money.currency, money.currency.lower(), f" {money.currency} ", *[None, ""] * is_implied]
            ),
        }
        properties = {key: value for key, value in properties.items() if value is not None}
        return self.event(nonce, at, name, app, user=user, device=device, properties=properties, money=money)

    def subscribe(self, nonce: int, at: datetime) -> Event:
        """A subscription at a price in dollars, which may be cancelled later."""
        rng = self.rng
        interval = rng.choice(list(INTERVALS))
        money = Money(
            "subscribe",
            subscription_id=self.next_id("subscription", self.app),
            cents=12 * rng.randint(1, 999),
            months=INTERVALS[interval],
            # what is told late counts from when it was true
            effective_at=rng.choice([None, at - 40 * DAY, at - 3 * DAY, at - MINUTE]),
        )
        user, app = rng.choice(self.users), self.app

        def change(name: str, change: Money, terms: Row, nonce: int, at: datetime) -> Event:
            properties = {"subscription_id": spelled_id(money.subscription_id, rng)} | terms
            if change.effective_at:
                properties["effective_at"] = spelled_time(change.effective_at, None, rng)
            return self.event(nonce, at, name, app, user=user, device=None, properties=properties, money=change)

        if rng.random() < 0.5:
            end = replace(money, kind="cancel", effective_at=rng.choice([None, at]))
            self.pending.append((app, partial(change, "subscription_cancelled", end, {})))
        terms = {"amount_cents": money.cents, "currency": "USD", "billing_interval": interval}
        return change("subscription_created", money, terms, nonce, at)

    def fault(self, nonce: int, at: datetime) -> Event:
        """A payment whose money cannot be used; the mart must say so."""
        faults: list[Row] = [
            {"amount_cents": 10.5},
            {"amount_cents": "10.5"},
            {"amount_cents": "1,000"},
            {"amount_cents": "7,4"},
            {"amount_cents": "12.5 kWh"},
            {"amount_cents": None},
            {"currency": "$"},
            {"currency": "XXQ"},
            {"currency": "CHF"},
            {"currency": "GBP"},
        ]
        others: list[Row] = [{"amount_cents": 800}, {"currency": "EUR"}, {}]
        usable = {"amount_cents": 700, "currency": "USD"}
        other = self.rng.choice(others) if self.rng.random() < 0.3 else None
        name = f"{'fault' if other is None else 'conflict'}-{nonce}"
        money = Money("payment", payment_id=name, order_id=name, is_faulty=True)

        def paid(user: str, terms: Row, nonce: int, at: datetime) -> Event:
            properties = usable | terms | {"payment_id": name, "order_id": name}
            properties = {key: value for key, value in properties.items() if value is not None}
            return self.event(
                nonce, at, "payment_completed", FAULTY_APP, user=user, device=None, properties=properties, money=money
            )

        one, another = self.rng.sample(self.users, 2)
        if other is None:
            return paid(one, self.rng.choice(faults), nonce, at)
        # one payment of another amount, in another currency or by another customer
        self.pending.append((FAULTY_APP, partial(paid, another if other == {} else one, other)))
        return paid(one, {}, nonce, at)

    def merge(self, nonce: int, at: datetime) -> Event:
        """Two ids become one person, or none does, because one of them is none."""
        rng = self.rng
        # a text that names a user and a device would leave open which is meant
        plain = [text for text in [*self.users, *self.devices] if not (text in self.users and text in self.devices)]
        other = rng.choice([*plain, None])
        user = rng.choice([text for text in self.users if text in plain] or [None])
        key = rng.choice(["previous_id", "previousId", "alias"])
        properties = {key: spelled_id(other, rng) if other else rng.choice(NO_ID)}
        return self.event(
            nonce, at, "alias", user=user, device=None, properties=properties, merged_id=other if user else None
        )


def spelled_id(text: str | None, rng: random.Random, zero_is_none: bool = True) -> Any:
    """An id as somebody may send it; one that is none in any of the ways that mean it."""
    if text is None:
        none = rng.choice([None, *NO_ID, *["0"] * zero_is_none])
        if none is None:
            return None
        none = rng.choice([none, none.upper(), none.title(), none.lower()])
        if none == "false":
            return rng.choice([False, none])
        return rng.choice(BLANKS) + none + rng.choice(BLANKS)
    if text.isascii() and text.isdigit() and str(int(text)) == text and int(text) < 2**63 and rng.random() < 0.5:
        return int(text)
    return rng.choice(BLANKS) + text + rng.choice(BLANKS)


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/St_Johns"]


def spelled_time(at: datetime, zone: str | None, rng: random.Random) -> Any:
    """A moment in one of the forms that mean it; texts without a zone are of `zone`, where it is known."""
    microseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND
    forms: list[Any] = [microseconds, str(microseconds), microseconds * 1000, str(microseconds * 1000)]
    if not microseconds % 1000:
        forms += [microseconds // 1000, str(microseconds // 1000)]
    if not microseconds % 1_000_000:
        forms += [microseconds // 1_000_000, str(microseconds // 1_000_000)]
    offset = timedelta(minutes=rng.choice([0, 60, 330, 345, -210, -480]))
    moved = at + offset
    sign, minutes = ("-" if offset < timedelta(0) else "+"), abs(offset) // MINUTE
    colon = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    offsets = [colon, colon.replace(":", "")] + ([colon[:3]] if minutes % 60 == 0 else [])
    forms += [f"{text}{offset}" for text in _clock_texts(moved, rng) for offset in offsets]
    forms += [f"{text}Z" for text in _clock_texts(at, rng) for _ in range(2)]
    for name in [*ZONES, *[zone] * (zone is not None)]:
        local = at.astimezone(ZoneInfo(name))
        # an hour that is there twice needs an offset
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            texts = _clock_texts(local, rng)
            forms += [f"{text} {name}" for text in texts] if name in ZONES else []
            forms += texts * 2 if name == zone else []
    return rng.choice(forms)


def _clock_texts(at: datetime, rng: random.Random) -> list[str]:
    day, mark = f"{at:%Y-%m-%d}", rng.choice("T ")
    if at.microsecond:
        fraction = f"{at.microsecond:06}" if at.microsecond % 1000 else f"{at.microsecond // 1000:03}"
        return [f"{day}{mark}{at:%H:%M:%S}{point}{fraction}" for point in ".,"]
    texts = [f"{day}{mark}{at:%H:%M:%S}", f"{day}{mark}{at:%H:%M:%S}.000"]
    return texts + [f"{day}{mark}{at:%H:%M}"] * 3 * (at.second == 0)


def _refused(reason: str, **fields: Any) -> tuple[str, Row]:
    return reason, {"event_name": "page_view", "occurred_at": "2024-03-15T10:00:00Z", "user_id": "refused"} | fields


NO_TIMES = ["2015", "45123", "45123.5", "0", "2024-03-15 10:00 BST", "2024-03-15 10:00:00 IST", "15/03/2024"]
NO_TIMES += ["2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-03-15T25:00:00Z", "yesterday"]
REFUSED = [
    *(_refused("invalid_occurred_at", occurred_at=text) for text in [*NO_TIMES, 2015, 45123, 0]),
    _refused("missing_occurred_at", occurred_at=" "),
    _refused("missing_event_name", event_name=" "),
    _refused("invalid_sent_at", sent_at="2015", received_at="2024-03-15T10:00:00Z"),
    _refused("invalid_received_at", received_at="soon"),
    _refused("too_far_in_past", occurred_at="1801-03-15T10:00:00Z"),
    _refused("too_far_in_future", occurred_at="2093-03-15T10:00:00Z"),
]


def write(history: History, folder: Path, seed: int) -> list[Path]:
    """Every file of a history, its rows and columns in an order of its own."""
    rng = random.Random(f"{seed}/written")
    paths = []
    for file in history.files:
        rows = [spelled(delivery.event, file, rng) for delivery in history.deliveries if delivery.file == file]
        rows += [dict(refused.fields) for refused in history.refused if refused.file == file]
        rng.shuffle(rows)
        path = folder / file.name
        if file.format.startswith("ndjson"):
            path.write_text("".join(f"{_json(row, rng)}\n" for row in rows), encoding="utf-8")
        elif file.format.startswith("csv"):
            path.write_text(_csv(rows, file.delimiter, rng), encoding="utf-8", newline="")
        else:
            pq.write_table(_table(rows, rng), path)
        paths.append(path)
    return paths


def spelled(event: Event, file: File, rng: random.Random) -> Row:
    """An event as a row of a file."""
    row: Row = {
        "event_id": spelled_id(event.event_id, rng, zero_is_none=False),
        "event_name": rng.choice(BLANKS) + event.name + rng.choice(BLANKS),
        "user_id": spelled_id(event.user, rng),
        "anonymous_id": spelled_id(event.device, rng),
        "session_id": None,
    }
    if event.app != (file.app or "default") or rng.random() < 0.5:
        row["app"] = event.app
    if file.format == "parquet_typed":
        row["occurred_at"] = event.written_at
    else:
        row["occurred_at"] = spelled_time(event.written_at, file.zone, rng)
    if event.clock:
        row["sent_at"], row["received_at"] = (spelled_time(moment, file.zone, rng) for moment in event.clock)
    properties = dict(rng.sample(sorted(event.properties.items()), len(event.properties)))
    if file.format.endswith("_flat"):
        row |= event.context
        # a number keeps its type in JSON alone, and a blank text is none in CSV
        spread = [k for k, v in properties.items() if file.format == "ndjson_flat" or (type(v) is str and v.strip())]
        row |= {key: properties.pop(key) for key in spread}
    elif file.format == "ndjson":
        row["context"] = event.context
    elif file.format == "parquet_typed":
        row["context"] = event.context or None
    elif rng.random() < 0.5:
        row |= event.context
    else:
        row["context"] = _json(event.context, rng)
    if properties or rng.random() < 0.5:
        row["properties"] = properties if file.format.startswith("ndjson") else _json(properties, rng)
    if rng.random() < 0.5:
        row = {key: value for key, value in row.items() if value is not None}
    return row


def _json(value: Row, rng: random.Random) -> str:
    members = dict(rng.sample(list(value.items()), len(value)))
    return json.dumps(members, ensure_ascii=rng.random() < 0.5)


def _columns(rows: Iterable[Row], rng: random.Random) -> list[str]:
    columns = sorted({column for row in rows for column in row} | {"note"})
    return rng.sample(columns, len(columns))


def _csv(rows: list[Row], delimiter: str, rng: random.Random) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(rows, rng), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL)
    writer.writeheader()
    writer.writerows(_lowered(row) for row in rows)
    return text.getvalue()


def _lowered(row: Row) -> Row:
    return {key: "false" if value is False else value for key, value in row.items()}


def _table(rows: list[Row], rng: random.Random) -> pa.Table:
    """Texts, apart from times of a file whose every time is one."""
    columns: dict[str, pa.Array] = {}
    for name in _columns(rows, rng):
        values = [_lowered(row).get(name) for row in rows]
        if name == "occurred_at" and all(isinstance(value, datetime) for value in values):
            columns[name] = pa.array(values, pa.timestamp("us", tz="UTC"))
        elif any(isinstance(value, dict) for value in values):
            columns[name] = pa.array(values)
        else:
            texts = [value.isoformat() if isinstance(value, datetime) else value for value in values]
            columns[name] = pa.array([None if value is None else str(value) for value in texts], pa.string())
    return pa.table(columns)
