"""What a page or report is asked to show: the app, the days, a segment; and the publication that it is read from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from serving import reader
from serving.ask import Answer, ask
from serving.ask.scope import Range
from serving.figures.figure import SEGMENTS, FigureError, Period
from serving.periods import months_before
from serving.publications import current_publication, read_catalog

PERIODS: tuple[Period, ...] = ("day", "week", "month")
# a range of at most so many days is drawn by day, by week; a longer one by month
MOST_DAYS, MOST_DAYS_OF_WEEKS = 62, 190
MONTHS_SHOWN = 12


@dataclass(frozen=True)
class AppData:
    """The events of one app, or of all: the first and the last of their days in the reporting zone, and the clock.

    `known_until` is the UTC time up to which all is known, without a zone: what questions call `as_of`.
    """

    first_day: date
    last_day: date
    clock: datetime
    events: int
    known_until: datetime | None = None


@dataclass(frozen=True)
class Filters:
    """What to show: whole local days, both inclusive; `app` null is all apps, `segment` a pair such as country, FR.

    `compare` sets what there is beside what there was in the period before; `creator` is whose page it is.
    """

    date_from: date
    date_to: date
    app: str | None = None
    segment: tuple[str, str] | None = None
    compare: bool = False
    creator: str | None = None

    @property
    def days(self) -> int:
        """How many days there are in the range."""
        return (self.date_to - self.date_from).days + 1

    @property
    def period(self) -> Period:
        """The period that a range of this length is best drawn by."""
        return "day" if self.days <= MOST_DAYS else "week" if self.days <= MOST_DAYS_OF_WEEKS else "month"

    def drawn_by(self, periods: list[Period]) -> Period:
        """The period of a figure that has these: the best one, else the next longer one, else the next shorter one."""
        best = PERIODS.index(self.period)
        order = [*PERIODS[best:], *reversed(PERIODS[:best])]
        return next(period for period in order if period in periods)


@dataclass(frozen=True)
class Source:
    """One publication, from the first to the last query: its connection, its catalog, and what its data are of."""

    connection: duckdb.DuckDBPyConnection
    catalog: Mapping[str, Any]
    apps: Mapping[str, AppData]
    everything: AppData | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    # the one app whose rows can be read by this connection, if its reader may see no other
    only_app: str | None = None
    # when the events of an app, or of all, begin and end, as questions have found
    ranges: dict[str | None, Range] = field(default_factory=dict)

    def ask(self, question: Any, *, allow_unknown: bool = False, most_rows: int | None = None) -> Answer:
        """The answer to a question, by the settings of the build; to the reader of one app a question of that app.

        Raises:
            AskError: when the question is wrong, or names what no event has.
        """
        if self.only_app is not None and isinstance(question, dict) and question.get("app") is None:
            question = {**question, "app": self.only_app}
        return ask(
            self.connection,
            question,
            self.settings,
            allow_unknown=allow_unknown,
            most_rows=most_rows,
            ranges=self.ranges,
        )

    @property
    def currency(self) -> str:
        """The reporting currency, which all money is in."""
        return str(self.settings.get("reporting_currency", "USD"))

    @property
    def timezone(self) -> ZoneInfo:
        """The zone of days."""
        return ZoneInfo(str(self.settings.get("reporting_timezone", "UTC")))

    def data_of(self, app: str | None) -> AppData | None:
        """What is there of an app, or of all."""
        return self.apps.get(app) if app is not None else self.everything

    def card(self, metric: str) -> dict[str, str] | None:
        """The card of a published metric, or None."""
        found: dict[str, str] | None = self.catalog["relations"].get(f"metric_{metric}", {}).get("card")
        return found

    def filters(
        self,
        app: str | None = None,
        date_from: date | None = None,
        date_to: date | None = None,
        segment: str | None = None,
    ) -> Filters:
        """The filters, by default of all apps, and of twelve whole months and the one under way.

        Raises:
            FigureError: when the app has no events, the range is empty or the segment is none.
        """
        if app is not None and app not in self.apps:
            known = ", ".join(sorted(self.apps)) or "none"
            raise FigureError(f"No event is of the app {app!r}. Apps with events: {known}.")
        data = self.data_of(app)
        to = date_to or (data.last_day if data else datetime.now(UTC).astimezone(self.timezone).date())
        filters = Filters(date_from or months_before(to, MONTHS_SHOWN), to, app, _segment(segment))
        if date_from is None and data is not None and filters.date_from < data.first_day <= to:
            filters = replace(filters, date_from=data.first_day.replace(day=1))
        if filters.date_from > filters.date_to:
            raise FigureError(f"The range ends on {filters.date_to}, before it begins on {filters.date_from}.")
        return filters


def open_source(home: Path, publication: Path | None = None) -> Source:
    """Open the publication of a home that readers see now, or this one.

    Raises:
        NothingPublishedError, HomeMovedError: as `reader.connect` does.
    """
    # looked up once, lest the catalog be that of a publication shown since
    publication = publication or current_publication(home)
    connection = reader.connect(home, publication)
    catalog = read_catalog(publication) if publication else {}
    settings = catalog.get("inputs", {}).get("settings", {})
    apps, everything = _data(connection, catalog.get("relations", {}))
    return Source(connection, catalog, apps, everything, settings)


def _data(
    connection: duckdb.DuckDBPyConnection, relations: Collection[str]
) -> tuple[dict[str, AppData], AppData | None]:
    if "int_data_clocks" not in relations:
        return {}, None
    # the build has worked out both: events are read for no figure that a mart can answer
    counted = "sum(events) as events from fct_tracked_events"
    if "fct_tracked_events" not in relations:
        counted = "count(*) as events from events"
    rows = reader.read(
        connection,
        f"""
        with counts as (select app, {counted} group by cube (app))
        select clocks.app, first_date, last_date, last_event_at, coalesce(events, 0), known_until_at
        from int_data_clocks as clocks
        left join counts on counts.app is not distinct from clocks.app
        where first_date is not null
        order by clocks.app
        """,  # noqa: S608 - both texts are ours
    ).fetchall()
    found = {
        app: AppData(first, last, clock.replace(tzinfo=UTC), int(events), known_until)
        for app, first, last, clock, events, known_until in rows
    }
    return {app: data for app, data in found.items() if app is not None}, found.get(None)


def _segment(said: str | None) -> tuple[str, str] | None:
    if said is None:
        return None
    name, sign, value = said.partition("=")
    if name not in SEGMENTS or not sign:
        raise FigureError(f"The segment is {said!r}. Write one of {', '.join(SEGMENTS)}, = and a value: country=FR.")
    return name, value
