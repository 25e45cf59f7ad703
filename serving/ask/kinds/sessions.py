"""Sessions: one row each, by period, or by length."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictInt, model_validator

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope, session_stream
from serving.ask.settings import setting
from serving.ask.vocabulary import Count, Question, Selector

ROW = (
    "user_id, anonymous_id, started_at, ended_at, duration_seconds, "
    "events, page_views, is_bounce, entry_page, exit_page"
)
# sessions of the warehouse have a digest of their events, which no answer shows
NO_DIGEST = "0::ubigint as content_hash"


def _timeout() -> int:
    return int(str(setting("session_timeout_seconds")))


def _max_length() -> int | None:
    hours: Any = setting("session_max_hours")
    return None if hours is None else round(hours * 3600)


class Sessions(Question):
    """Sessions of the device streams, cut from the events of the question (`events`: of any of these selectors).

    A gap strictly longer than `inactivity_seconds` begins a session; a session that would last longer than
    `max_length_seconds` is cut. The range holds the sessions that start in it, whole. `started_at` and `ended_at` are
    UTC. Where the project trusts client sessions these are used, unless the question sets `inactivity_seconds`.
    `summary` is zero-filled, its ratios null where there is no session; a period that the range cuts is not
    `is_complete`. `distribution` lists rising bounds: a bucket
    reaches from its bound up to the next, the last one has no end.
    """

    kind: Literal["sessions"]
    inactivity_seconds: Count = Field(default_factory=_timeout)
    max_length_seconds: Count | None = Field(default_factory=_max_length)
    events: Annotated[list[Selector], Field(min_length=1)] | None = None
    summary: Literal["day", "week", "month"] | None = None
    distribution: Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.summary and self.distribution:
            raise ValueError("`summary` and `distribution` are two questions: ask for one of them")
        if self.distribution and self.distribution != sorted(set(self.distribution)):
            raise ValueError("`distribution` must rise from bound to bound, as in [0, 10, 60]")
        return self

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: rows, `summary` or `distribution`."""
        named = session_steps(
            scope,
            self.events,
            timeout_seconds=self.inactivity_seconds,
            max_length_seconds=self.max_length_seconds,
            trust_client_sessions=bool(setting("trust_client_sessions"))
            and "inactivity_seconds" not in self.model_fields_set,
        )
        if self.summary:
            start = engine("period_start", day="local_day", period=self.summary, week_start=self.week_start)
            named["periods"] = scope.periods(self.summary)
            named["sessions_of_periods"] = f"select *, {start} as period_start from sessions"
            is_complete = scope.is_complete(self.summary, "period_start::timestamp", is_whole=False)
            named |= summary_steps("sessions_of_periods", "periods")
            return Answerable(
                steps(**named, last=f"select *, {is_complete} as is_complete from summary order by period_start")
            )
        if self.distribution:
            edges = [*map(str, self.distribution), "null"]
            named["bounds"] = (
                f"select unnest([{', '.join(edges[:-1])}]) as bucket_from_seconds, "
                f"unnest([{', '.join(edges[1:])}])::double as bucket_to_seconds"
            )
            named["buckets"] = (
                "select bucket_from_seconds, count(duration_seconds) as sessions from bounds "
                "left join sessions on duration_seconds >= bucket_from_seconds "
                "and (bucket_to_seconds is null or duration_seconds < bucket_to_seconds) group by all"
            )
            return Answerable(steps(**named, last="select * from buckets order by bucket_from_seconds"))
        return Answerable(steps(**named, last=f"select {ROW} from sessions order by started_at, stream_id, {ROW}"))


def summary_steps(sessions: str, periods: str) -> dict[str, str]:
    """Return the steps to `summary`: of each period's sessions their number, seconds and bounce rate; null of none.

    Whole microseconds add up to the same in any order.
    """
    return {
        "sessions_and_periods": f"select period_start, duration_seconds, is_bounce, 1 as sessions from {sessions} "
        f"union all select period_start, null, null, 0 from {periods}",
        "summary": "select period_start, sum(sessions)::bigint as sessions, "
        "avg(round(duration_seconds * 1000000)::bigint) / 1000000 as avg_seconds, "
        "avg(is_bounce::integer) as bounce_rate from sessions_and_periods group by all",
    }


def session_steps(
    scope: Scope,
    selectors: list[Selector] | None,
    *,
    timeout_seconds: int,
    max_length_seconds: int | None,
    trust_client_sessions: bool,
    since: date | datetime | None = None,
) -> dict[str, str]:
    """Return the steps up to `sessions`: those of the question that start in its range, with their `local_day`.

    With `since` the range begins there instead of at `date_from`. A stream without an event in the range has no session
    that starts there, so that only the others are cut.
    """
    chosen = (
        "true" if selectors is None else "(" + " or ".join(scope.selector(selector) for selector in selectors) + ")"
    )
    local_day = f"{scope.local('started_at')}::date"
    in_range = (scope.since(since or scope.question.date_from), scope.until(scope.question.date_to))
    is_ranged = scope.question.date_from is not None or scope.question.date_to is not None
    stream = session_stream(is_trusted=trust_client_sessions)
    unmarked = "" if scope.tells_bots("events") else ", false as is_bot"
    touched = scope.distinct_events({"touched_stream": stream}, chosen, *in_range)
    return {
        "touched_streams": touched.sql,
        "session_events": scope.events(
            {"all_columns": "events"},
            chosen,
            f"{stream} in (select touched_stream from touched_streams)" if is_ranged else "true",
        ).replace("events as all_columns", f"events.*, {NO_DIGEST}{unmarked}"),
        "cut_sessions": engine(
            "sessionize",
            events="session_events",
            timeout_seconds=timeout_seconds,
            max_length_seconds=max_length_seconds,
            trust_client_sessions=trust_client_sessions,
            bounce_max_seconds=setting("bounce_max_seconds"),
            client_session_scope=setting("client_session_scope"),
        ),
        "dated_sessions": f"select *, started_at as occurred_at, {local_day} as local_day from cut_sessions",
        "sessions": f"select * from dated_sessions where {' and '.join(in_range)}",
    }
