"""What events amount to: published metrics, results of experiments and questions, of a server or of a home.

Nothing is computed here. A server is asked by the routes of its API; a home is read by what serves it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import quote

from footfall.events import UserSegment
from footfall.transports import AnalyticsError, Server

if TYPE_CHECKING:
    import contextlib

    from serving.snapshots import Snapshot, Snapshots

API = "/api/v1/analytics"
PAGE = 10_000
# an experiment is asked while somebody waits for a page
VARIANT_SECONDS = 1.0
Rows = list[dict[str, Any]]


class Reader(Protocol):
    """Where numbers are read."""

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question."""

    def metric(self, name: str, period: str, segment: str, value: str) -> Rows:
        """The rows of a metric by their period, oldest first."""

    def nps(self) -> Rows:
        """The rows of the net promoter score by month, oldest first."""

    def experiment(self, test_id: str) -> dict[str, Any]:
        """The results of an experiment, as `GET /analytics/ab-tests/{id}/results` has them."""

    def persons(self) -> Iterator[tuple[str, str]]:
        """Every person with their segment."""

    def define(self, definition: Mapping[str, Any]) -> str:
        """Define an experiment, and return its key."""

    def variant(self, test_id: str, user_id: str) -> str | None:
        """The variant of a user, whose exposure is recorded by that."""


class ServerReader:
    """Reads by the routes of a server's API."""

    def __init__(self, server: Server, app: str | None) -> None:
        self._server, self._app = server, app

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /api/v1/analytics/questions`."""
        answer: dict[str, Any] = self._server.ask("POST", f"{API}/questions", body=dict(question))
        return answer

    def metric(self, name: str, period: str, segment: str, value: str) -> Rows:
        """`GET /api/v1/analytics/metrics/{name}`, page by page."""
        query = {"period": period, "segment": segment, "segment_value": value}
        return [*self._pages(f"{API}/metrics/{quote(name, safe='')}", query)]

    def nps(self) -> Rows:
        """`GET /analytics/nps`."""
        return [*self._pages("/analytics/nps", {"period": "month"})]

    def experiment(self, test_id: str) -> dict[str, Any]:
        """`GET /analytics/ab-tests/{id}/results`."""
        found: dict[str, Any] = self._server.ask("GET", f"/analytics/ab-tests/{quote(test_id, safe='')}/results")
        return found

    def persons(self) -> Iterator[tuple[str, str]]:
        """`GET /api/v1/analytics/users/segments`."""
        for row in self._pages(f"{API}/users/segments", {}):
            yield row["user_id"], row["segment"]

    def define(self, definition: Mapping[str, Any]) -> str:
        """`POST /analytics/ab-tests`."""
        told = {**definition, **({} if self._app is None else {"app": self._app})}
        return str(self._server.ask("POST", "/analytics/ab-tests", body=told)["test_id"])

    def variant(self, test_id: str, user_id: str) -> str | None:
        """`GET /analytics/ab-tests/{id}/variant`, which records the exposure."""
        path = f"/analytics/ab-tests/{quote(test_id, safe='')}/variant"
        told = self._server.ask("GET", path, {"user_id": user_id}, timeout=VARIANT_SECONDS)
        found: str | None = told["variant"]
        return found

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            told = {**query, "app": self._app, "limit": PAGE, "offset": offset}
            page = self._server.ask("GET", path, told)
            yield from page["items"]
            if not page.get("next"):
                return
            offset += PAGE


class HomeReader:
    """Reads what is published in a home on this machine's disk."""

    def __init__(self, home: Path, app: str | None) -> None:
        self._home, self._app = home, app
        # by process: DuckDB does not outlive a fork, and what the parent has open cannot be closed by its child, which
        # would wait for threads that it does not have
        self._snapshots: dict[int, Snapshots] = {}

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer that `footfall ask` gives."""
        from serving.ask import AskError

        with self._read() as snapshot:
            try:
                answer = snapshot.source.ask(dict(question))
            except AskError as fault:
                raise AnalyticsError(str(fault)) from None
            return {"publication": snapshot.id, **answer.about(), "columns": answer.columns, "rows": answer.rows}

    def metric(self, name: str, period: str, segment: str, value: str) -> Rows:
        """Rows of the mart `metric_<name>`."""
        return self._rows(
            f"metric_{name}",
            "period = $period and segment = $segment and segment_value = $value order by period_start",
            {"period": period, "segment": segment, "value": value},
        )

    def nps(self) -> Rows:
        """Rows of `fct_nps`."""
        segment, value = _whose(self._app)
        return self._rows(
            "fct_nps",
            "period = 'month' and segment = $segment and segment_value = $value order by period_start",
            {"segment": segment, "value": value},
        )

    def experiment(self, test_id: str) -> dict[str, Any]:
        """Rows of `fct_experiment_results` and `fct_experiment_health`, in the shape of the API."""
        from serving.experiments import HEALTH, RESULTS, results_of

        with self._read() as snapshot:
            for relation in (RESULTS, HEALTH):
                self._must_have(snapshot, relation)
            found = results_of(snapshot, test_id)
        if found is None:
            raise AnalyticsError(
                f"There are no results of a test {test_id!r}. They come with the next build after it is defined."
            )
        return found

    def persons(self) -> Iterator[tuple[str, str]]:
        """Rows of `dim_persons`."""
        if self._app is not None:
            raise AnalyticsError(f"A person is of all apps, so nobody is listed of {self._app!r} alone. Leave app out.")
        for row in self._rows("dim_persons", "true order by person_id", {}):
            yield row["person_id"], row["segment"]

    def define(self, definition: Mapping[str, Any]) -> str:
        """An experiment is defined where its seeds are."""
        raise AnalyticsError(
            f"{definition['test_name']!r} cannot be defined in a home: its definition is the project's. "
            "Run `footfall experiment define`, or ask a server."
        )

    def variant(self, test_id: str, user_id: str) -> str | None:
        """Nobody is assigned by a home alone."""
        raise AnalyticsError(f"{test_id!r} is assigned by a server. Run `footfall serve`, and tell its address.")

    def _rows(self, relation: str, condition: str, values: Mapping[str, Any]) -> Rows:
        with self._read() as snapshot:
            self._must_have(snapshot, relation)
            return snapshot.dicts(f'select * from "{relation}" where {condition}', values)  # noqa: S608

    def _must_have(self, snapshot: Snapshot, relation: str) -> None:
        if not snapshot.has(relation):
            raise AnalyticsError(f"{relation} is not published in {self._home}. Run `footfall build` first.")

    def _read(self) -> contextlib.AbstractContextManager[Snapshot]:
        import contextlib

        from serving.publications import HomeMovedError, NothingPublishedError
        from serving.snapshots import Snapshots

        if os.getpid() not in self._snapshots:
            self._snapshots[os.getpid()] = Snapshots(self._home)
        snapshots = self._snapshots[os.getpid()]

        @contextlib.contextmanager
        def reading() -> Iterator[Snapshot]:
            try:
                with snapshots.read() as snapshot:
                    yield snapshot
            except (NothingPublishedError, HomeMovedError) as fault:
                raise AnalyticsError(str(fault)) from None

        return reading()


@dataclass(frozen=True)
class _Metrics:
    """Published metrics, each of its last whole period; null where there is none yet."""

    def as_dict(self) -> dict[str, Any]:
        """The numbers by their names, as JSON has them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class EngagementMetrics(_Metrics):
    """Of the last whole day `dau`, `wau`, `mau` in persons; of the last whole month `bounce_rate`, `return_rate`."""

    dau: float | None
    wau: float | None
    mau: float | None
    bounce_rate: float | None
    return_rate: float | None

    @classmethod
    def read(cls, reader: Reader, app: str | None) -> Self:
        """Read them."""
        return cls(
            **{name: _last(reader, name, "day", app) for name in ("dau", "wau", "mau")},
            **{name: _last(reader, name, "month", app) for name in ("bounce_rate", "return_rate")},
        )


@dataclass(frozen=True)
class ConversionMetrics(_Metrics):
    """Of the last whole month: who registered and paid within 30 days, as a share; or of a configured conversion.

    `time_to_convert` is the median in seconds, of a configured conversion alone.
    """

    conversion_rate: float | None
    time_to_convert: float | None

    @classmethod
    def read(cls, reader: Reader, app: str | None, conversion: str | None) -> Self:
        """Read them."""
        if conversion is None:
            return cls(_last(reader, "signup_to_payment_rate", "month", app), None)
        rates, times = (
            reader.metric(name, "month", "conversion", conversion) for name in ("conversion_rate", "time_to_convert")
        )
        if not rates:
            raise AnalyticsError(f"No conversion is called {conversion!r}. seeds/conversions.csv has those that are.")
        return cls(_last_whole(rates), _last_whole(times))


@dataclass(frozen=True)
class RetentionMetrics(_Metrics):
    """Of the last cohort that is old enough, the share that came back on the day; churn of the last whole month."""

    day_1_retention: float | None
    day_7_retention: float | None
    day_30_retention: float | None
    churn_rate: float | None

    @classmethod
    def read(cls, reader: Reader, app: str | None) -> Self:
        """Read them."""
        days = {f"day_{day}_retention": _retained(reader, day, app) for day in (1, 7, 30)}
        return cls(**days, churn_rate=_last(reader, "activity_churn_rate", "month", app))


@dataclass(frozen=True)
class NpsMetrics(_Metrics):
    """The net promoter score, -100 to 100, with its 95 % interval, of the last month with answers."""

    month: str | None = None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    answers: int = 0
    promoters: int = 0
    passives: int = 0
    detractors: int = 0

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read it."""
        row = next((row for row in reversed(reader.nps()) if row["nps"] is not None), None)
        if row is None:
            return cls()
        counts = {name: row[name] for name in ("answers", "promoters", "passives", "detractors")}
        return cls(str(row["period_start"]), row["nps"], row["nps_low"], row["nps_high"], **counts)


@dataclass(frozen=True)
class ABTestResults:
    """What an experiment has shown, by its primary metric.

    Attributes:
        test_id: its key.
        status: not_started, running or ended.
        winner: the variant that is better beyond chance, in a sample that is sound; None as long as there is none.
        improvement_percent: of the winner, else of the best variant, against the control.
        interval: the 95 % interval of the improvement.
        is_valid: whether units were split as they should be.
        results: a row for each metric and variant.
    """

    test_id: str
    status: str
    winner: str | None
    improvement_percent: float | None
    interval: tuple[float | None, float | None] | None
    is_valid: bool | None
    results: Rows

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From the API's answer."""
        low_high = told["interval"]
        return cls(
            told["test_id"],
            told["status"],
            told["winner"],
            told["improvement_percent"],
            None if low_high is None else (low_high[0], low_high[1]),
            told["is_valid"],
            told["results"],
        )


class Reading:
    """The half of a client that reads; whatever cannot be answered is an AnalyticsError."""

    app: str | None
    _reader: Reader

    def get_engagement_metrics(self) -> EngagementMetrics:
        """Actives, bounce rate and return rate."""
        return EngagementMetrics.read(self._reader, self.app)

    def get_conversion_metrics(self, conversion: str | None = None) -> ConversionMetrics:
        """Who converts: registrations to payments, or a conversion that `seeds/conversions.csv` configures."""
        return ConversionMetrics.read(self._reader, self.app, conversion)

    def get_retention_metrics(self) -> RetentionMetrics:
        """Who comes back after 1, 7 and 30 days, and who leaves."""
        return RetentionMetrics.read(self._reader, self.app)

    def get_nps_metrics(self) -> NpsMetrics:
        """The net promoter score."""
        return NpsMetrics.read(self._reader)

    def get_ab_test_results(self, test_id: str) -> ABTestResults:
        """What an experiment has shown."""
        return ABTestResults.of(self._reader.experiment(test_id))

    def segment_users(self) -> dict[UserSegment, list[str]]:
        """Everybody by segment, as `dim_persons` has them on the data's last day."""
        found: dict[UserSegment, list[str]] = {segment: [] for segment in UserSegment}
        for person, segment in self._reader.persons():
            if segment not in UserSegment.__members__:
                raise AnalyticsError(f"{person!r} is in the segment {segment!r}, which this client does not know.")
            found[UserSegment(segment)].append(person)
        return found

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question (docs/questions.md): `columns`, `rows`, `as_of`, `question`, `warnings`."""
        return self._reader.ask(question if self.app is None else {"app": self.app, **question})

    def metric(self, name: str, period: str = "day", segment: str | None = None, value: str | None = None) -> Rows:
        """The rows of a published metric by their period; by default of the client's app, or of all."""
        segment, value = (segment, value or "") if segment else _whose(self.app)
        return self._reader.metric(name, period, segment, value)

    def export_metrics_summary(self) -> dict[str, Any]:
        """All of these as one object that JSON can hold; what is not published, or not of one app, is null."""
        of_all = self.app is None
        counts = {segment.value: len(users) for segment, users in self.segment_users().items()} if of_all else None
        return {
            "engagement": self.get_engagement_metrics().as_dict(),
            "conversion": self.get_conversion_metrics().as_dict(),
            "retention": self.get_retention_metrics().as_dict(),
            "nps": self.get_nps_metrics().as_dict(),
            "segments": counts,
        }


def _last(reader: Reader, name: str, period: str, app: str | None) -> float | None:
    """The value of a metric of an app, or of all, in its last whole period that has one."""
    return _last_whole(reader.metric(name, period, *_whose(app)))


def _last_whole(rows: Rows) -> float | None:
    whole = [row for row in rows if row["is_complete"] and row["metric_value"] is not None]
    return whole[-1]["metric_value"] if whole else None


def _retained(reader: Reader, day: int, app: str | None) -> float | None:
    """The metric, which is of all apps; of one app the question whose answer it is."""
    if app is None:
        return _last(reader, f"retention_d{day}", "day", None)
    question = {"kind": "retention", "period": "day", "cohort_rule": "first_time", "cohorts": 400, "periods": day}
    answer = reader.ask({**question, "app": app})
    rows = [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
    known = [row for row in rows if row["period"] == day and row["is_complete"] and row["rate"] is not None]
    return known[-1]["rate"] if known else None


def _whose(app: str | None) -> tuple[str, str]:
    return ("all", "all") if app is None else ("app", app)
