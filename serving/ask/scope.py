"""Compile the parts that questions share (keys, conditions, selectors, local time, ranges) to DuckDB SQL."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from ingest.conditions import TIMES, as_amount, as_number, condition, event_value, time_condition
from serving.ask.engines import engine
from serving.ask.settings import setting
from serving.ask.vocabulary import AskError, Condition, Question, Selector, UnseenError, Where, local_time, nearest
from serving.periods import period_of

UNITS = {"person": "person_id", "account": "account_id", "session": "cut_session_id"}
# what a session is told by: the columns of int_sessions that `session.<name>` reads
OF_SESSIONS = (
    "channel", "traffic_source", "traffic_medium", "utm_source", "utm_medium", "utm_campaign", "utm_term",
    "utm_content", "click_id_parameter", "referrer", "entry_page", "exit_page", "device_type", "os", "browser",
    "country", "duration_seconds", "events", "page_views", "interactions", "is_bounce", "is_bot", "session_number",
    "is_first",
)  # fmt: skip
# of these what fct_session_numbers says
NUMBERED = ("session_number", "is_first")
# what a profile of a person or an account says: now, when the event happened (`_then`), or at the end of a day (`@day`)
OF_PROFILES = re.compile(r"(?P<unit>person|account)(?P<when>_then|@\d{4}-\d\d-\d\d)?\.(?P<property>.+)", re.DOTALL)
COHORT = "person.cohort"
PROFILES = """
    select unit_id, value, valid_from_at, valid_to_at
    from fct_profile_properties
    where unit = '{unit}' and property = {name}"""
# the session of an event is the last one of its stream that had begun, unless a passive event came after it had ended;
# trusted client sessions are lanes of the stream
EVENTS_WITH_SESSION = """(
    select events.*, {columns}
    from events
    asof left join {sessions} as int_sessions
        on
            {stream} = int_sessions.stream_id
            and {lane} = coalesce(int_sessions.client_session_id, '')
            and events.occurred_at >= int_sessions.started_at
) as events"""
# what stands between the values of several keys, and a value that might be taken for two, or for none, is quoted
BETWEEN_VALUES = " · "
JOINED_VALUES = """case when coalesce({values}) is not null then array_to_string(list_transform(
    [{values}],
    lambda value: case
        when value is null then 'null'
        when value = 'null' or starts_with(value, '"') or contains(value, '{between}') then to_json(value)::varchar
        else value
    end
), '{between}') end"""
# what the amounts of money events are worth, and which of them are payments sent again
EVENTS_WITH_MONEY = """(
    select
        events.*,
        int_event_money.value_cents,
        int_event_money.event_id is not null as is_money,
        coalesce(int_event_money.is_repeated, false) as is_repeated
    from {events}
    left join int_event_money
        on
            events.app = int_event_money.app
            and events.event_id = int_event_money.event_id
            and events.occurred_at = int_event_money.occurred_at
) as events"""
AMOUNTS = ("amount_cents", "properties.amount_cents")
ZONES: dict[str, str] = {}
OFFSETS: dict[tuple[str, int, int], list[tuple[datetime, int]]] = {}
# who asks of ever other years fills no memory
MOST_OFFSETS = 1000
# the offset at every midnight, and by the minute on the days on which it changes
OFFSETS_SQL = """
    with days as (
        select unnest(generate_series($first::timestamp, $last::timestamp, interval 1 day)) as t
    ),
    daily as (
        select t, lag(t) over (order by t) as before, timezone($zone, timezone('UTC', t)) - t as east from days
    ),
    changing as (
        select before, t from daily qualify east <> lag(east) over (order by t)
    ),
    minutes as (
        select unnest(generate_series(before, t, interval 1 minute)) as t from changing
    ),
    moments as (
        select t, timezone($zone, timezone('UTC', t)) - t as east from minutes
        union
        select t, east from daily
    )
    select t, epoch(east)::bigint as seconds_east
    from moments
    qualify east is distinct from lag(east) over (order by t)
    order by t
"""
# each relation of a name, and whether the names of a connection mean it
IS_SEEN = """
    select table_schema = current_schema() or list_contains(current_schemas(false), table_schema)
    from information_schema.tables
    where table_name = $name
"""
TIME_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "ne")


def session_stream(events: str = "", is_trusted: bool | None = None) -> str:
    """Return the expression of what an event's session is one of; is_trusted: as the project has it, unless told."""
    trusted = bool(setting("trust_client_sessions")) if is_trusted is None else is_trusted
    scope = setting("client_session_scope")
    return engine("session_stream", trust_client_sessions=trusted, client_session_scope=scope, events=events)


@dataclass(frozen=True)
class Answerable:
    """One compiled question: the query (its parameters are bound in the scope) and whether a fast path was taken."""

    sql: str
    source: str = "events"


# the data's own clock, and the times of the first and the last event, in UTC
Range = tuple[datetime | None, datetime | None, datetime | None]


@dataclass
class Scope:
    """What a question is compiled against: the published events, their range of time, and its own parameters."""

    question: Question
    connection: duckdb.DuckDBPyConnection
    as_of: datetime | None = None
    person_days_timezone: str | None = None
    first: datetime | None = None
    last: datetime | None = None
    parameters: dict[str, object] = field(default_factory=dict)
    offsets: list[tuple[datetime, int]] = field(default_factory=list)
    reads_money: bool = False
    session_columns: set[str] = field(default_factory=set)
    # of each key that is not the event's own, the column that holds it and the join that it comes from
    joined_keys: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    # what has been read of an app, or of all, for all questions of one publication
    ranges: dict[str | None, Range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the data's own clock and the zone's offsets over the range of the data and the question."""
        self.question.timezone = _zone(self.connection, self.question.timezone)
        bounds = (self.question.date_from, self.question.date_to)
        if all(bounds) and _time(bounds[0]) > last_moment(bounds[1]):
            raise AskError("`date_from` is after `date_to`: no day lies between them. Exchange the two.")
        app = self.question.app
        found = self.ranges.get(app) or self._range(app)
        self.as_of, self.first, self.last = found
        if self.last is not None:
            self.ranges[app] = found
        moments = [moment for moment in (self.first, self.last, self.as_of) if moment]
        for bound in bounds:
            if bound is not None:
                moments.append(_time(bound))
        if moments:
            years = (min(moments).year - 3, max(moments).year + 2)
            self.offsets = _offsets(self.connection, self.question.timezone, *years)

    def _range(self, app: str | None) -> Range:
        # whose an event is does not matter here, and finding it out is most of the cost
        events = "stg_events" if self._publishes("stg_events") else "events"
        asked = "true" if app is None else "app = $app"
        as_of, first, last = self.connection.execute(  # type: ignore[misc]
            f"select max(occurred_at) filter (where is_activity), min(occurred_at) filter (where {asked}), "
            f"max(occurred_at) filter (where {asked}) from {events}",
            {} if app is None else {"app": app},
        ).fetchone()
        if as_of and last:
            # the clock of an app is its own: nothing is known of it after its last event, whatever others go on doing
            as_of = min(as_of, last)
        if last and self._publishes("int_data_clocks"):
            # the same, as the build has worked it out: who sees the events of one app alone sees no other's activity
            clock = "select known_until_at from int_data_clocks where app is not distinct from $app"
            as_of = (self.connection.execute(clock, {"app": app}).fetchone() or (None,))[0]
        return as_of, first, last

    # ---- values and time

    def bind(self, value: object) -> str:
        """Return the placeholder of a bound parameter; a value of the question never becomes SQL text."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def local(self, utc: str = "occurred_at") -> str:
        """Return the expression of the local wall-clock TIMESTAMP of a UTC one."""
        seconds = [offset for _, offset in self.offsets]
        if not any(seconds):
            return utc
        cases = "".join(
            f" when {utc} < timestamp '{until.isoformat(sep=' ')}' then {offset * 1_000_000}"
            for (until, _), (_, offset) in zip(self.offsets[1:], self.offsets[:-1], strict=True)
        )
        shift = f"case{cases} else {seconds[-1] * 1_000_000} end" if cases else str(seconds[-1] * 1_000_000)
        return f"make_timestamp(epoch_us({utc}) + {shift})"

    def hour(self, utc: str = "occurred_at") -> str:
        """Return the expression of the UTC time at which the local clock hour of a UTC time begins."""
        return f"({utc} - ({self.local(utc)} - date_trunc('hour', {self.local(utc)})))"

    def hours(self, start: datetime | date | None) -> str:
        """Return a select of the local clock hours from a local time (none: of the data's first event) to the last.

        `starts_at` is the UTC time at which the hour begins, `hour_id` its minute since 1970, `hour_number` its place,
        `period_start` its local label. An hour that the clocks repeat is two rows, whose labels carry their UTC offset.
        """
        first = _time(start or self.start)
        if start is None and self.first:
            first = min(first, self._local_time(self.first))
        last = last_moment(self.end)
        local, label = self.local("t"), f"date_trunc('hour', {self.local('t')})"
        return f"""
            with quarters as (
                select unnest(generate_series(
                    {timestamp_literal(at_the_hour(first - timedelta(hours=15)))},
                    {timestamp_literal(last + timedelta(hours=15))},
                    interval 15 minutes
                )) as t
            ),
            clock_hours as (
                select distinct {self.hour("t")} as starts_at, {label} as label, date_diff('minute', t, {local}) as east
                from quarters
                where {label} >= date_trunc('hour', {timestamp_literal(first)}) and {label} <= {timestamp_literal(last)}
            ),
            repeats as (
                select *, count(*) over (partition by label) > 1 as is_repeated from clock_hours
            )
            select
                starts_at,
                epoch(starts_at)::bigint // 60 as hour_id,
                row_number() over (order by starts_at) as hour_number,
                label,
                strftime(label, '%Y-%m-%dT%H:%M:%S') || case when is_repeated then printf(
                    '%s%02d:%02d', case when east < 0 then '-' else '+' end, abs(east) // 60, abs(east) % 60
                ) else '' end as period_start
            from repeats
            {"" if start is None else f"where label >= {timestamp_literal(_time(start))}"}
        """

    def shows_hour(self) -> str:
        """Return the condition that a row of `hours` lies in the question's range."""
        return f"label >= date_trunc('hour', {timestamp_literal(_time(self.start))})"

    @property
    def start(self) -> date | datetime:
        """The first local day or time to show: `date_from`, else the time of the data's first event."""
        return self.question.date_from or self._local_time(self.first)

    @property
    def end(self) -> date | datetime:
        """The last local day or time to show, included: `date_to`, else the time of the data's last event."""
        return self.question.date_to or self._local_time(self.last)

    def _local_time(self, utc: datetime | None) -> datetime:
        if utc is None:
            return datetime(1970, 1, 1)
        return utc + timedelta(seconds=next(offset for moment, offset in reversed(self.offsets) if moment <= utc))

    @property
    def first_day(self) -> date:
        """The first local day of the question: that of `date_from`, else of the data."""
        return _day(self.start)

    @property
    def last_day(self) -> date:
        """The last local day of the question: that of `date_to`, else of the data."""
        return _day(self.end)

    @property
    def is_empty(self) -> bool:
        """Whether the range holds nothing: no event at all, or none on the asked side of it."""
        if self.first is None and (self.question.date_from is None or self.question.date_to is None):
            return True
        return _time(self.start) > last_moment(self.end)

    def previous_range(self, whole: timedelta) -> tuple[date | datetime, timedelta]:
        """Return the last local day or time of the range right before this one, and their common length.

        The length is the range's, rounded up to `whole` hours or days; a range without bounds is of whole days.
        """
        start, end = self.question.date_from or self.first_day, self.question.date_to or self.last_day
        length = max(-(-(last_moment(end) - _time(start)) // whole), 1) * whole
        if isinstance(end, datetime) or length % timedelta(days=1):
            return min(last_moment(end) - length, _time(start) - timedelta(microseconds=1)), length
        return end - length, length

    def since(self, start: date | datetime | None) -> str:
        """Return the condition that an event is not before a local day or time; none: always true."""
        if start is None:
            return "true"
        rough = _time(start) - timedelta(hours=26)
        return f"occurred_at >= {timestamp_literal(rough)} and {self.local()} >= {timestamp_literal(_time(start))}"

    def until(self, end: date | datetime | None) -> str:
        """Return the condition that an event is not after a local day or time, which is included."""
        if end is None:
            return "true"
        if isinstance(end, datetime):
            rough = timestamp_literal(end + timedelta(hours=26))
            return f"occurred_at <= {rough} and {self.local()} <= {timestamp_literal(end)}"
        after = _time(end) + timedelta(days=1)
        rough = timestamp_literal(after + timedelta(hours=26))
        return f"occurred_at < {rough} and {self.local()} < {timestamp_literal(after)}"

    # ---- keys and conditions

    def key(self, key: str) -> str:
        """Return the VARCHAR expression (TIMESTAMP for the times) of a key; null where the event has no such value."""
        if "\0" in key:
            raise AskError(f"The key {key!r} holds a NUL character, which no property has.")
        of_session = key.removeprefix("session.")
        if of_session != key and of_session in OF_SESSIONS:
            self.needs("int_sessions", f"`{key}` is a session's")
            self.session_columns.add(of_session)
            return f"of_session_{of_session}"
        if key == COHORT:
            mend = f'ask for one in a condition, as in {{"{COHORT}": "a name"}}.'
            raise AskError(f"A person may be in several cohorts: {mend}")
        if of_profile := OF_PROFILES.fullmatch(key):
            return self._of_profile(key, **of_profile.groupdict())
        return event_value(key)

    def _of_profile(self, key: str, unit: str, when: str | None, property: str) -> str:
        """Return the column of a property of the event's person or account, which `source` joins."""
        if key not in self.joined_keys:
            self.needs("fct_profile_properties", f"`{key}` is of a profile")
            name = f"of_profile_{len(self.joined_keys)}"
            said, value = PROFILES.format(unit=unit, name=self.bind(property)), f"{name}.value"
            join, on = "left join", f"events.{unit}_id = {name}.unit_id"
            if when == "_then":
                join, on = "asof left join", f"{on} and events.occurred_at >= {name}.valid_from_at"
                value = f"case when coalesce(events.occurred_at < {name}.valid_to_at, true) then {value} end"
            elif when:
                end = timestamp_literal(self._day_of(key, when[1:]) + timedelta(days=1))
                said += f" and {self.local('valid_from_at')} < {end}"
                said += f" and coalesce({self.local('valid_to_at')} >= {end}, true)"
            else:
                said += " and is_current"
            self.joined_keys[key] = (name, value, f"{join} ({said}) as {name} on {on}")
        return self.joined_keys[key][0]

    def _day_of(self, key: str, day: str) -> date:
        try:
            found: date = local_time(day)
        except ValueError:
            raise AskError(
                f"`{key}` names the day {day}, which no calendar has, or none of the years 1900 to 2200."
            ) from None
        return found

    def _in_cohorts(self, operators: dict[str, Any]) -> str:
        """Return the condition that the event's person is, or is not, in one of the cohorts."""
        tests = []
        for operator, value in operators.items():
            names = value if isinstance(value, list) else [value]
            if operator not in ("eq", "in", "ne", "not_in") or not all(isinstance(name, str) for name in names):
                raise AskError(f"`{COHORT}` is asked by the name of a cohort, with eq, ne, in or not_in.")
            if COHORT not in self.joined_keys:
                self.needs("fct_cohort_members", f"`{COHORT}` is of persons")
                members = "select person_id, list(cohort) as cohorts from fct_cohort_members group by person_id"
                join = f"left join ({members}) as cohorts_of on events.person_id = cohorts_of.person_id"
                self.joined_keys[COHORT] = ("of_cohorts", "coalesce(cohorts_of.cohorts, [])", join)
            negation = "" if operator in ("eq", "in") else "not "
            tests.append(f"{negation}list_has_any(of_cohorts, [{', '.join(map(self.bind, names))}]::varchar[])")
        return f"({' and '.join(tests)})"

    def joined(self, keys: str | list[str]) -> str:
        """Return the expression of a key's value, as `key`; of several, the text of their values: `pro · DE`."""
        if isinstance(keys, str):
            return self.key(keys)
        values = ", ".join(f"{self.key(key)}::varchar" for key in keys)
        return JOINED_VALUES.format(values=values, between=BETWEEN_VALUES)

    def number(self, key: str) -> str:
        """Return the DOUBLE expression of a key; null where it is no number. Raises AskError for a time."""
        if key in TIMES:
            raise AskError(f"`{key}` is a time, which has no value as a number: name a property.")
        return self._worth(key, as_number(self.key(key)), "double")

    def amount(self, key: str) -> str:
        """Return the DECIMAL(38, 6) expression of a key, whose sums do not depend on an order; null as `number`."""
        return self._worth(key, as_amount(self.key(key)), "decimal(38, 6)")

    def _worth(self, key: str, sent: str, type_name: str) -> str:
        """Return what a number is worth: an amount of a money event as fct_payments counts it, any other as sent."""
        if key not in AMOUNTS:
            return sent
        self.needs("int_event_money", f"`{key}` is money")
        self.reads_money = True
        return f"case when is_money then value_cents::{type_name} else {sent} end"

    def counts_once(self) -> str:
        """Return the condition that an event is no payment sent again."""
        self.reads_money = self.reads_money or self._publishes("int_event_money")
        return "not is_repeated" if self.reads_money else "true"

    def unit(self) -> str:
        """Return the expression of the question's unit."""
        return UNITS.get(self.question.unit) or self.key(self.question.unit)

    def where(self, where: Where) -> str:
        """Return the condition of a `where`."""
        tests = [self._test(key, condition) for key, condition in where.conditions()]
        return " and ".join(tests) if tests else "true"

    def selector(self, selector: Selector | None) -> str:
        """Return the condition that an event is selected; without a selector, that it is activity."""
        if selector is None:
            return "is_activity"
        name = "true" if selector.event_name is None else f"event_name = {self.bind(selector.event_name)}"
        return f"({name} and {self.where(selector.where)})"

    def any_of(self, selectors: list[Selector] | None) -> str:
        """Return the condition that one of the selectors selects an event; without selectors: always true."""
        return "true" if selectors is None else f"({' or '.join(self.selector(selector) for selector in selectors)})"

    def restrictions(self) -> str:
        """Return the condition of the question's `app` and `where`."""
        app = "true" if self.question.app is None else f"app = {self.bind(self.question.app)}"
        return f"{app} and {self.where(self.question.where)}"

    def events(self, columns: dict[str, str], *conditions: str, is_unit_needed: bool = True) -> str:
        """Return a select of the question's events: `unit` and the columns (name to expression).

        Events without a unit are left out, unless `is_unit_needed` is false.
        """
        listed = "".join(f", {expression} as {name}" for name, expression in columns.items())
        kept = " and ".join(
            condition
            for condition in (
                f"{self.unit()} is not null" if is_unit_needed else "true",
                *conditions,
                self.restrictions(),
            )
            if condition != "true"
        )
        return f"select {self.unit()} as unit{listed} from {self.source()} where {kept}"

    def distinct_events(self, columns: dict[str, str], *conditions: str) -> Answerable:
        """Return a select of what `events` selects, each row once."""
        return Answerable(self.events(columns, *conditions).replace("select", "select distinct", 1))

    def source(self) -> str:
        """Return the relation of events, with the session of each where sessions are the unit."""
        is_of_sessions = self.question.unit == "session" or self.session_columns
        events = self._events_with_session() if is_of_sessions else "events"
        if self.joined_keys:
            columns = ", ".join(f"{value} as {name}" for name, value, _ in self.joined_keys.values())
            joins = " ".join(join for *_, join in self.joined_keys.values())
            events = f"(select events.*, {columns} from {events} {joins}) as events"
        return EVENTS_WITH_MONEY.format(events=events) if self.reads_money else events

    def _events_with_session(self) -> str:
        self.needs("int_sessions", "`unit` is session")
        lane = "coalesce(events.session_id, '')" if setting("trust_client_sessions") else "''"
        told = {"cut_session_id": "session_id"} | {
            f"of_session_{name}": f"{name}::varchar" for name in sorted(self.session_columns)
        }
        columns = ", ".join(
            f"case when events.occurred_at <= int_sessions.ended_at then int_sessions.{value} end as {name}"
            for name, value in told.items()
        )
        sessions = "int_sessions"
        if numbers := self.session_columns.intersection(NUMBERED):
            self.needs("fct_session_numbers", f"`session.{min(numbers)}` counts a person's sessions")
            numbered = f"select session_id, {', '.join(sorted(numbers))} from fct_session_numbers"
            sessions = f"(select * from int_sessions left join ({numbered}) using (session_id))"
        return EVENTS_WITH_SESSION.format(
            columns=columns, lane=lane, sessions=sessions, stream=session_stream("events.")
        )

    def has_person_days(self) -> bool:
        """Whether published person days say the same: activity of persons, by whole days of their zone."""
        question = self.question
        return (
            question.unit == "person"
            and question.app is None
            and not question.where.root
            and question.timezone == self.person_days_timezone
            and not isinstance(question.date_to, datetime)
            and self._publishes("fct_person_days")
        )

    def has_sessions(self) -> bool:
        """Whether the published sessions are those of the question: of persons, and of all their events."""
        question = self.question
        is_everything = question.unit == "person" and question.app is None and not question.where.root
        return is_everything and self._publishes("fct_sessions")

    def tells_bots(self, relation: str) -> bool:
        """Whether a published relation marks bots: those of before 2026-11-28 knew none."""
        columns = self.connection.execute(f"select * from {relation} limit 0").description
        return any(column[0] == "is_bot" for column in columns)

    def _publishes(self, relation: str) -> bool:
        return publishes(self.connection, relation)

    def needs(self, relation: str, why: str) -> None:
        """Raise AskError where a relation that a question reads is not published, or not for who asks."""
        seen = _seen(self.connection, relation)
        if seen and True not in seen:
            alone = f"`{relation}` is of all apps together, of which this key sees one alone"
            raise UnseenError(f"{why}, and {alone}: use a key of all apps.")
        if not seen:
            raise AskError(f"{why}, but `{relation}` is not published here. Run `footfall build` and ask again.")

    def unit_days(self, event: Selector | None, breakdown: str | list[str] | None, since: date | None) -> Answerable:
        """Return a select of distinct (unit, local day, breakdown) of the selected events, not after `date_to`."""
        if event is None and breakdown is None and self.has_person_days():
            earliest = "" if since is None else f" and activity_date >= {date_literal(_day(since))}"
            return Answerable(
                "select person_id as unit, activity_date as day from fct_person_days "
                f"where is_active and activity_date <= {date_literal(self.last_day)}{earliest}",
                "fct_person_days",
            )
        columns = {"day": f"{self.local()}::date", **({"breakdown": self.joined(breakdown)} if breakdown else {})}
        return self.distinct_events(columns, self.selector(event), self.since(since), self.until(self.end))

    def first_day_of_first(self, period: str) -> date:
        """Return the local day on which the period that holds the first day begins."""
        return period_of(self.first_day, period, self.question.week_start)

    def calendar(self, period: str) -> str:
        """Return a select of every period from the data's first (or `date_from`) to the last.

        Its columns: `period_key` is what `period_key()` gives for an event, `place` numbers neighbours, `label` is
        what an answer shows, `start` is a local TIMESTAMP. A `total` is one period, named by the first day.
        """
        if period == "total":
            day = date_literal(self.first_day)
            return f"select {day} as period_key, 1 as place, {day} as label, {day}::timestamp as start"
        if period == "hour":
            return (
                "select starts_at as period_key, hour_number as place, period_start as label, label as start "
                f"from ({self.hours(None)}) as hours"
            )
        first = min(self.first_day, _day(self._local_time(self.first)) if self.first else self.first_day)
        return (
            "select period_start as period_key, row_number() over (order by period_start) as place, "
            "period_start as label, period_start::timestamp as start "
            f"from ({self._periods_from(first, period)}) as periods"
        )

    def first_period(self, period: str) -> date | datetime:
        """Return the local time at which the first period to show begins."""
        return at_the_hour(self.start) if period == "hour" else self.first_day_of_first(period)

    def shows(self, period: str) -> str:
        """Return the condition that a row of `calendar` is a period to show, not an earlier one."""
        return f"start >= {timestamp_literal(self.first_period(period))}"

    def period_key(self, period: str) -> str:
        """Return the expression of the `period_key` of an event's period."""
        if period == "total":
            return date_literal(self.first_day)
        if period == "hour":
            return self.hour()
        return engine("period_start", day=f"{self.local()}::date", period=period, week_start=self.question.week_start)

    def known_until(self) -> tuple[datetime, datetime]:
        """Return the local times up to which something is known (included), and before which all is known."""
        last = last_moment(self.end)
        clock = self._local_time(self.as_of) if self.as_of else last
        return min(last, clock), min(self._over(), clock)

    def _over(self) -> datetime:
        """Return the local time at which the range is over."""
        return last_moment(self.end) + timedelta(microseconds=not isinstance(self.end, datetime))

    def is_complete(self, period: str, start: str, *, is_whole: bool) -> str:
        """Return the condition that a period can no longer grow, and that the range leaves out nothing of it.

        Its local TIMESTAMP `start` is an expression. `is_whole`: the first period reaches back before `date_from`.
        """
        _, known = self.known_until()
        if period == "total":
            return str(self.question.date_to is not None and self._over() <= known).lower()
        after = engine("shift_period", period_start=f"({start})::date", period=period, periods=1)
        after = f"{start} + interval 1 hour" if period == "hour" else after
        is_over = f"{after} <= {timestamp_literal(known)}"
        if is_whole or self.question.date_from is None:
            return f"({is_over})"
        return f"({is_over} and {start} >= {timestamp_literal(self.question.date_from)})"

    def periods(self, period: str) -> str:
        """Return a select of `period_start` for every period from the question's first day to its last."""
        return self._periods_from(self.first_day, period)

    def _periods_from(self, first: date, period: str) -> str:
        start = engine("period_start", day=date_literal(first), period=period, week_start=self.question.week_start)
        starts = f"generate_series({start}, {date_literal(self.last_day)}, interval 1 {period})"
        return f"select unnest({starts})::date as period_start"

    def _test(self, key: str, asked: Condition) -> str:
        operators = asked.written()
        if key == COHORT:
            return self._in_cohorts(operators)
        if key in TIMES:
            times = {operator: self._asked_time(key, operator, value) for operator, value in operators.items()}
            return time_condition(self.local(key), times, self.bind)
        if "regex" in operators:
            self._check_regex(key, operators["regex"])
        return condition(self.key(key), operators, self.bind)

    def _asked_time(self, key: str, operator: str, value: object) -> object:
        if operator == "is_set":
            return value
        if operator not in TIME_OPERATORS or not isinstance(value, str):
            raise AskError(f"`{key}` is a time: it takes {', '.join(TIME_OPERATORS)} with a local time, or is_set.")
        try:
            return _time(local_time(value))
        except ValueError as error:
            raise AskError(f"`{key}.{operator}` is {value!r}: {error}.") from error

    def _check_regex(self, key: str, pattern: str) -> None:
        try:
            self.connection.execute("select regexp_matches('', $pattern)", {"pattern": pattern})
        except duckdb.Error as error:
            raise AskError(f"`{key}.regex` is {pattern!r}, which is no RE2 expression: {error}") from error


def publishes(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    """Return whether a relation is published; for the reader of one app, whether what is of that app is."""
    return True in _seen(connection, relation)


def _seen(connection: duckdb.DuckDBPyConnection, relation: str) -> list[bool]:
    return [is_seen for (is_seen,) in connection.execute(IS_SEEN, {"name": relation}).fetchall()]


def _zone(connection: duckdb.DuckDBPyConnection, zone: str) -> str:
    if not ZONES:
        names = connection.execute("select name from pg_timezone_names()").fetchall()
        ZONES.update({name.lower(): name for (name,) in names})
    if zone.lower() not in ZONES:
        raise AskError(
            f"`timezone` is {zone!r}, which is no IANA time zone{nearest(zone, ZONES.values())} "
            'Write one as "Europe/Berlin", or "UTC".'
        )
    return ZONES[zone.lower()]


def _offsets(
    connection: duckdb.DuckDBPyConnection, zone: str, first_year: int, last_year: int
) -> list[tuple[datetime, int]]:
    """Return (UTC time from which it holds, seconds east of UTC); a case over these is 40 times faster than ICU."""
    key = (zone, first_year, last_year)
    if zone == "UTC":
        return [(datetime(first_year, 1, 1), 0)]
    found = OFFSETS.get(key)
    if found is None:
        rows = connection.execute(
            OFFSETS_SQL, {"zone": zone, "first": datetime(first_year, 1, 1), "last": datetime(last_year, 1, 1)}
        ).fetchall()
        if len(OFFSETS) >= MOST_OFFSETS:
            OFFSETS.clear()
        found = OFFSETS[key] = [(moment, int(seconds)) for moment, seconds in rows]
    return found


def _day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def at_the_hour(moment: date | datetime) -> datetime:
    """Return the start of the hour that holds a time; midnight of a date."""
    return _time(moment).replace(minute=0, second=0, microsecond=0)


def last_moment(moment: date | datetime) -> datetime:
    """Return the time itself, or the last microsecond of a date."""
    return moment if isinstance(moment, datetime) else _time(moment) + timedelta(days=1, microseconds=-1)


def _time(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)


def timestamp_literal(moment: date | datetime) -> str:
    """Return the SQL literal of a time; of a date, its midnight."""
    return f"timestamp '{_time(moment).isoformat(sep=' ')}'"


def date_literal(day: date) -> str:
    """Return the SQL literal of a date."""
    return f"date '{day.isoformat()}'"
