# ruff: noqa: S608 (names are the project's own; values are bound or quoted by envelope.literal)
"""The window: the events of the last minutes in memory, and what they amount to.

What an event means is said where it is said for the marts: the vendors' projections, the envelope's checks, the event
catalog, the readers of values, the model of exchange rates and the macros of money. Only what takes the whole history
is left out: see docs/live.md.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from jinja2 import Environment, StrictUndefined

from ingest import privacy
from ingest.envelope import LANDING_COLUMNS, literal
from ingest.formats import ndjson
from ingest.landing.batches import ensure_landing
from ingest.landing.paths import events_dir
from ingest.loading import admissible, make_readers
from ingest.settings import LoadSettings, project_folder
from ingest.vendors import VENDORS, vendor
from serving.ask.settings import built_with, setting
from serving.live.feed import Feed

WINDOW = timedelta(minutes=30)
NOW = timedelta(minutes=5)
MOST_EVENTS = 300_000
FILES_AT_ONCE = 100
MOST_SHOWN, MOST_RECENT = 10, 20
# a name that is longer is shown cut, so that what is sent stays small
LONGEST = 1000
REPOSITORY = Path(__file__).resolve().parents[2]
# what is received says when; a time that is later than any makes the receipt the limit of what is in the future
EVER = datetime(9999, 1, 1)
COLUMNS = ("event_id", "event_name", "occurred_at", "received_at", "user_id", "anonymous_id", "stream_id", "app",
           "properties", "page_url", "event_date", "is_bot")  # fmt: skip
SEEDS = {
    "event_catalog": {
        **dict.fromkeys(("event_name", "canonical_name", "money_event", "operation"), "varchar"),
        **dict.fromkeys(("is_activity", "is_page_view", "is_passive"), "boolean"),
    },
    "exchange_rates": {
        "currency": "varchar", "reporting_currency": "varchar", "valid_from_date": "date", "rate": "decimal(18, 8)",
    },
    "currencies": {"currency": "varchar", "minor_units": "integer"},
    "app_currencies": {"app": "varchar", "currency": "varchar"},
}  # fmt: skip

# what of the day is kept beyond the window
OF_TODAY = "(moment >= $today and (money_event is not null or is_registration))"
Settings = Mapping[str, object]


class Window:
    """The events of the last 30 minutes, and of today those of money and registration, as they have been received.

    One thread at a time uses it.
    """

    def __init__(self, home: Path, settings: Settings | None = None, most_events: int = MOST_EVENTS) -> None:
        self._home, self._most, self._feed = home, most_events, Feed(home)
        self._load, self._cleaner = LoadSettings(), privacy.cleaner(home)  # type: ignore[call-arg]
        self._prepared: set[str] = set()
        ensure_landing(home)
        self._is_whole_from: datetime | None = None
        self._number = 0
        with built_with(settings):
            self.currency = str(setting("reporting_currency"))
            self._zone = str(setting("reporting_timezone"))
            self._names_apps = setting("person_scope") == "app"
            self._counts_bots = bool(setting("count_bots"))
            self._rule = "arg_max" if setting("identity_rule") == "last" else "arg_min"
            rates, in_currency, local_date = _money()
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "512MB", "temp_directory": ""})
        make_readers(self._connection, self._load, self._cleaner)
        self._unwanted = privacy.Unwanted(home)
        privacy.install_lists(self._connection, self._unwanted)
        for name, columns in SEEDS.items():
            self._make_seed(name, columns)
        self._connection.execute(f"create table minor_rates as {rates}")
        minor = self._connection.execute("select minor_units from currencies where currency = ?", [self.currency])
        self._minor_per_unit = 10 ** (minor.fetchone() or (2,))[0]
        self._connection.execute("create table lines (row_number bigint, raw blob, text varchar, suspect boolean)")
        self._rows = _rows(self.currency, self._counts_bots, in_currency, local_date)
        fresh = ", ".join(f"{name} {LANDING_COLUMNS[name]}" for name in COLUMNS)
        self._connection.execute(f"create table fresh ({fresh})")
        self._connection.execute(
            f"create table events as select 0::bigint as number, * from ({self._rows('from fresh')}) limit 0"
        )
        self._connection.execute(f"set allowed_directories = [{literal(events_dir(home))}]")
        self._connection.execute("set enable_external_access = false; set lock_configuration = true")

    def take_in(self, now: datetime) -> None:
        """Take in what has come since the last time, and let go what is too old by now."""
        today = self._today(now)
        since = min(now - WINDOW, today)
        self._unwanted.refresh()
        for lines in self._feed.lines():
            self._take_lines(lines.protocol, lines.texts, now)
        # files of an older version lack columns; a batch may be taken back since its manifest was read
        schema, columns = events_dir(self._home) / "load_date=0001-01-01" / "schema.parquet", ", ".join(COLUMNS)
        files = [path for path in self._feed.landed(since) if path.is_file()]
        for begin in range(0, len(files), FILES_AT_ONCE):
            listed = ", ".join(map(literal, [schema, *files[begin : begin + FILES_AT_ONCE]]))
            self._add(f"select {columns} from read_parquet([{listed}], union_by_name = true)", now)
        self._let_go(now)

    def figures(self, app: str | None, now: datetime) -> dict[str, Any]:
        """What the window amounts to, of one app or of all: docs/live.md has its shape."""
        told = {
            "app": app,
            "now": _naive(now),
            "recently": _naive(now - NOW),
            "since": _naive(now - WINDOW),
            "today": _naive(self._today(now)),
        }
        first = self._is_whole_from
        return {
            "as_of": _iso(now),
            "app": app,
            "window_minutes": int(WINDOW.total_seconds() // 60),
            "is_whole": first is None or first <= now - WINDOW,
            **self._counts(told),
            "popular_content": self._records(self._of_content(), told),
            "pages": self._records(self._of_pages(), told),
            "events_per_minute": self._minutes(told, now),
            "recent_events": self._recent(told),
        }

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()

    # --- in -----------------------------------------------------------------------------------------------------------

    def _take_lines(self, protocol: str, texts: list[str], now: datetime) -> None:
        known = VENDORS.get(protocol)
        if known is None:
            return
        if protocol not in self._prepared:
            objects = ndjson.careful_objects(self._load.max_line_bytes)
            rows = admissible(vendor.draft(objects, known), self._load, self._cleaner, "default", "UTC", EVER)
            columns = ", ".join(COLUMNS)
            # planning so long a query costs more than running it on the lines of a second
            good = f"select {columns} from ({rows}) where reject_reason is null and {privacy.UNWANTED} is null"
            self._connection.execute(f"prepare take_{protocol} as insert into fresh {good}")
            self._prepared.add(protocol)
        self._connection.execute("delete from lines; delete from fresh")
        self._connection.execute(
            """
            insert into lines
            select row_number() over (), encode(text), text, false
            from (select unnest(?::varchar[]) as text)""",
            [texts],
        )
        self._connection.execute(f"execute take_{protocol}")
        self._add("from fresh", now)

    def _add(self, events: str, now: datetime) -> None:
        """Add events that are not there yet, of those that the window or the day is about."""
        told = {"since": _naive(now - WINDOW), "today": _naive(self._today(now)), "number": self._number}
        self._connection.execute(
            f"""
            insert into events
            select $number + row_number() over (order by received_at, occurred_at, key) as number, *
            from ({self._rows(events)}) as fresh
            anti join events as known on fresh.key = known.key
            where moment >= $since or {OF_TODAY}
            qualify row_number() over (partition by key order by received_at) = 1
            """,
            told,
        )
        row = self._connection.execute("select coalesce(max(number), 0) from events").fetchone()
        self._number = max(self._number, row[0] if row else 0)

    def _let_go(self, now: datetime) -> None:
        told = {"since": _naive(now - WINDOW), "today": _naive(self._today(now))}
        self._connection.execute(f"delete from events where moment < $since and not {OF_TODAY}", told)
        row = self._connection.execute("select count(*) from events").fetchone()
        surplus = (row[0] if row else 0) - self._most
        if surplus > 0:
            last = self._connection.execute(
                "select moment from events order by moment limit 1 offset ?", [surplus - 1]
            ).fetchone()
            assert last
            self._connection.execute("delete from events where moment <= ?", [last[0]])
            self._is_whole_from = last[0].replace(tzinfo=UTC)

    def _make_seed(self, name: str, columns: Mapping[str, str]) -> None:
        file = project_folder() / "seeds" / f"{name}.csv"
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = [{column: row[column] or None for column in columns} for row in csv.DictReader(opened)]
        self._connection.execute(
            f"create table {name} as select unnest(from_json(?, {literal(json.dumps([columns]))}), recursive := true)",
            [json.dumps(rows)],
        )

    def _today(self, now: datetime) -> datetime:
        """When the local day of the reporting zone began."""
        local = now.astimezone(ZoneInfo(self._zone))
        return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)

    # --- out ----------------------------------------------------------------------------------------------------------

    @property
    def _persons(self) -> str:
        """The events of the window with their persons: a device is its user's, as far as the window says so."""
        scope = "app" if self._names_apps else "null::varchar"
        return f"""
            owners as (
                select {scope} as scope, anonymous_id, {self._rule}(user_id, (moment, user_id)) as owner
                from events
                where user_id is not null and anonymous_id is not null
                group by all
            ),
            chosen as (
                select events.*, coalesce(user_id, owner, events.anonymous_id) as person, {scope} as scope
                from events
                left join owners
                    on events.anonymous_id = owners.anonymous_id
                    and {scope.replace("app", "events.app")} is not distinct from owners.scope
                where $app is null or events.app = $app
            )"""

    @property
    def _reading(self) -> str:
        """Who is on which item now: of each stream the last page or item of the last minutes, if it is an item."""
        return """
            reading as (
                select app, stream, arg_max(content_id, (moment, number)) as content_id
                from chosen
                where moment >= $recently and moment <= $now and (is_page_view or content_id is not null)
                group by app, stream
                having arg_max(content_id is not null, (moment, number))
            )"""

    def _counts(self, told: dict[str, Any]) -> dict[str, Any]:
        row = self._row(
            f"""
            with {self._persons}, {self._reading},
            -- an event of a payment may come twice, as two events
            money as (
                select
                    app,
                    coalesce(payment_id, key::varchar) as payment,
                    min(cents) as cents,
                    bool_or(cents is null) as is_unknown
                from chosen
                where moment >= $today and money_event in ('payment_completed', 'refund_issued')
                group by app, payment, money_event
            ),
            persons as (
                select
                    person,
                    coalesce(bool_or(is_activity and moment >= $recently), false) as is_active_now,
                    coalesce(bool_or(is_activity and moment >= $since), false) as is_active,
                    coalesce(bool_or(is_registration and moment >= $today), false) as is_new,
                    coalesce(bool_or(is_registration and moment >= $since), false) as is_new_lately
                from chosen
                where person is not null
                group by scope, person
            )
            select
                (select count(*) from chosen where moment >= $since) as events,
                count(*) filter (where is_active_now) as active_now,
                count(*) filter (where is_active) as active,
                count(*) filter (where is_new) as registered,
                count(*) filter (where is_new_lately) as registered_lately,
                (select count(*) from reading) as reading,
                (select coalesce(sum(cents), 0)::bigint from money) as cents,
                (select count(*) from money where cents > 0) as payments,
                (select count(*) from money where is_unknown) as unknown
            from persons
            """,
            told,
        )
        events, active_now, active, registered, registered_lately, reading, cents, payments, unknown = row
        return {
            "events": events,
            "active_users": {"last_5_minutes": active_now, "last_30_minutes": active},
            "concurrent_readers": reading,
            "revenue_today": {
                "amount": self._major(cents),
                "amount_cents": cents,
                "currency": self.currency,
                "payments": payments,
                "not_counted": unknown,
            },
            "new_registrations": {"today": registered, "last_30_minutes": registered_lately},
        }

    def _of_content(self) -> str:
        return f"""
            with {self._persons}, {self._reading}
            select
                chosen.app,
                chosen.content_id,
                count(*) filter (where event_name = 'content_viewed') as views,
                count(distinct (person, scope)) filter (where person is not null) as readers,
                any_value(coalesce(now.streams, 0)) as reading_now
            from chosen
            left join (select app, content_id, count(*) as streams from reading group by all) as now
                using (app, content_id)
            where moment >= $since and chosen.content_id is not null and event_name != 'content_published'
            group by chosen.app, chosen.content_id
            order by reading_now desc, views desc, readers desc, chosen.app, chosen.content_id
            limit {MOST_SHOWN}"""

    def _of_pages(self) -> str:
        return f"""
            with {self._persons}
            select
                page,
                count(*) as views,
                count(distinct (person, scope)) filter (where person is not null) as visitors
            from chosen
            where moment >= $since and is_page_view and page is not null
            group by page
            order by views desc, visitors desc, page
            limit {MOST_SHOWN}"""

    def _minutes(self, told: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
        counted = self._read(
            """
            select date_trunc('minute', moment), count(*)
            from events
            where ($app is null or app = $app) and moment >= $since and moment <= $now
            group by all""",
            told,
        ).fetchall()
        by_minute = dict(counted)
        last = _naive(now).replace(second=0, microsecond=0)
        minutes = [last - timedelta(minutes=back) for back in reversed(range(30))]
        return [{"minute": _iso(each.replace(tzinfo=UTC)), "events": by_minute.get(each, 0)} for each in minutes]

    def _recent(self, told: dict[str, Any]) -> list[dict[str, Any]]:
        rows = self._read(
            f"""
            select number, event_name, app, occurred_at, cents, page, content_id
            from events
            where ($app is null or app = $app) and not is_passive and moment >= $since
            order by number desc
            limit {MOST_RECENT}""",
            told,
        ).fetchall()
        return [
            {
                "number": number,
                "event": name,
                "app": app,
                "occurred_at": _iso(occurred_at.replace(tzinfo=UTC)),
                "amount": self._major(cents),
                "currency": None if cents is None else self.currency,
                "page": page,
                "content_id": content_id,
            }
            for number, name, app, occurred_at, cents, page, content_id in rows
        ]

    def _major(self, cents: int | None) -> float | None:
        return None if cents is None else float(cents / self._minor_per_unit)

    def _records(self, query: str, told: dict[str, Any]) -> list[dict[str, Any]]:
        cursor = self._read(query, told)
        columns = [column[0] for column in cursor.description or []]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def _row(self, query: str, told: dict[str, Any]) -> tuple[Any, ...]:
        row = self._read(query, told).fetchone()
        assert row
        return tuple(row)

    def _read(self, query: str, told: dict[str, Any]) -> duckdb.DuckDBPyConnection:
        """Run a query with the parameters that it names; DuckDB refuses others."""
        return self._connection.execute(query, {name: told[name] for name in told if f"${name}" in query})


def _rows(currency: str, counts_bots: bool, in_currency: str, local_date: str) -> Callable[[str], str]:
    counts = "true" if counts_bots else "is_bot is not true"

    def rows(events: str) -> str:
        return f"""
            select app, event_key(app, event_id, event_date) as key,
                -- who is ahead of time happened when it came
                least(occurred_at, received_at) as moment, occurred_at, received_at,
                left(name, {LONGEST}) as event_name,
                user_id, anonymous_id, stream_id as stream, is_activity, is_page_view, is_passive,
                left(nullif(page_of(page_url), ''), {LONGEST}) as page,
                left(item_id_of(texts[1]), {LONGEST}) as content_id, money_event, is_registration,
                id_of(texts[2]) as payment_id,
                case
                    when money_event = 'refund_issued' or (money_event = 'payment_completed' and amount_cents < 0)
                        then -abs({in_currency})
                    when money_event = 'payment_completed' then {in_currency}
                end as cents
            from (
                select *, whole_number_of(texts[3]) as amount_cents, {local_date} as money_date,
                    coalesce(nullif(upper(texts[4]), ''), upper(app_currency), {literal(currency)}) as currency
                from (
                    select events.*, coalesce(canonical_name, events.event_name) as name,
                        -- what a bot does is nobody's activity
                        coalesce(is_activity, true) and {counts} as is_activity,
                        coalesce(is_page_view, false) and {counts} as is_page_view,
                        coalesce(is_passive, false) as is_passive, money_event,
                        operation is not distinct from 'user_registered' as is_registration,
                        app_currencies.currency as app_currency,
                        list_transform(
                            json_extract_string(
                                properties, ['$.content_id', '$.payment_id', '$.amount_cents', '$.currency']
                            ),
                            lambda sent: trimmed(sent)
                        ) as texts
                    from ({events}) as events
                    left join event_catalog as catalog on events.event_name = catalog.event_name
                    left join app_currencies on events.app = app_currencies.app
                    where events.event_name != '$spend_reported'
                )
            ) as told
            asof left join minor_rates
                on told.currency = minor_rates.currency and told.money_date >= minor_rates.valid_from_date"""

    return rows


@cache
def _macros() -> Environment:
    environment = Environment(undefined=StrictUndefined, autoescape=False, extensions=["jinja2.ext.do"])
    # how dbt keeps a model says nothing of its rows
    environment.globals.update(setting=setting, ref=lambda name: name, config=lambda **_: "")
    return environment


def _money() -> tuple[str, str, str]:
    """The SQL of the rates, of cents in the reporting currency and of a local day, as the models have them."""
    plumbing = REPOSITORY / "macros" / "plumbing"
    text = "".join((plumbing / f"{name}.sql").read_text(encoding="utf-8") for name in ("money", "time"))
    macros: Any = _macros().from_string(text).module
    model = (REPOSITORY / "models" / "intermediate" / "int_exchange_rates.sql").read_text(encoding="utf-8")
    rates = _macros().from_string(model).render()
    in_currency = macros.in_reporting_currency("amount_cents", "money_date", is_stopped=False)
    return rates, str(in_currency), str(macros.local_date("occurred_at"))


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The messages that tell what changed between two answers, as the socket sends them."""
    last = before["recent_events"][0]["number"] if before and before["recent_events"] else 0
    for event in reversed(now["recent_events"]):
        if before is not None and event["number"] > last:
            yield {"type": "new_event", **{name: value for name, value in event.items() if name != "number"}}
    known = messages(before) if before else []
    yield from (message for message in messages(now) if message not in known)


def messages(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An answer in the messages of its parts."""
    active, registered = told["active_users"], told["new_registrations"]
    lately = "last_30_minutes"
    return [
        {"type": "active_users", "count": active["last_5_minutes"], lately: active[lately]},
        {"type": "concurrent_readers", "count": told["concurrent_readers"]},
        {"type": "revenue_today", **told["revenue_today"]},
        {"type": "new_registrations", "count": registered["today"], lately: registered[lately]},
        *({"type": name, "items": told[name]} for name in ("popular_content", "pages", "events_per_minute")),
    ]
