"""The headline numbers of a site over a range."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from datetime import date, datetime, timedelta
from typing import Literal

from serving.ask.engines import steps
from serving.ask.kinds.sessions import Sessions, session_steps, summary_steps
from serving.ask.scope import Answerable, Scope
from serving.ask.settings import setting
from serving.ask.vocabulary import Question

METRICS = ("visitors", "views", "sessions", "avg_session_seconds", "bounce_rate")


class WebOverview(Question):
    """Visitors, views, sessions, their average seconds and bounce rate in the range.

    Visitors are distinct units with activity; views are page views, those of nobody too where the unit is person; a
    session counts where it starts, whole; bots count only where the setting `count_bots` is on. The average and the
    rate of no sessions are null. Sessions are cut by the project's settings: the published ones, or anew from the
    question's events where `app`, `where` or `unit` choose among them. `compare`: `previous` is the same of the range
    of equal length (in whole hours) right before; without it `previous` is null.
    """

    kind: Literal["web_overview"]
    compare: Literal["previous_period"] | None = None

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `metric, value, previous`."""
        since, ranges = self.date_from, {"now": f"{scope.since(self.date_from)} and {scope.until(scope.end)}"}
        if self.compare:
            until, length = scope.previous_range(timedelta(hours=1))
            since = None if self.date_from is None else _before(self.date_from, length)
            ranges["before"] = f"{scope.since(since)} and {scope.until(until)}"
        # the two ranges do not overlap, but a gap of less than an hour may lie between them
        period = "case" + "".join(f" when {holds} then '{name}'" for name, holds in ranges.items()) + " end"
        columns = {"period_start": period, "is_activity": "is_activity", "page_views": "is_page_view::integer"}
        in_ranges = (scope.since(since), scope.until(scope.end))
        sessions, source = self._sessions(scope, since)
        sql = steps(
            visits=scope.events(
                columns, *in_ranges, "(is_activity or is_page_view)", is_unit_needed=self.unit != "person"
            ),
            **sessions,
            sessions_of_ranges=f"select {period} as period_start, duration_seconds, is_bounce "
            f"from started_sessions where {' and '.join(in_ranges)}",
            ranges=f"select unnest({list(ranges)}) as period_start",
            **summary_steps("sessions_of_ranges", "ranges"),
            visit_counts="select period_start, count(distinct case when is_activity then unit end) as visitors, "
            "coalesce(sum(page_views), 0) as views from ranges left join visits using (period_start) group by all",
            overview="select * exclude (avg_seconds), avg_seconds as avg_session_seconds "
            "from visit_counts join summary using (period_start)",
            listed=f"select period_start, unnest({list(METRICS)}) as metric, "
            f"unnest(range({len(METRICS)})) as place, unnest([{', '.join(METRICS)}]::double[]) as value from overview",
            last="select metric, max(value) filter (where period_start = 'now') as value, "
            "max(value) filter (where period_start = 'before') as previous "
            "from listed group by metric, place order by place",
        )
        return Answerable(sql, source)

    def _sessions(self, scope: Scope, since: date | datetime | None) -> tuple[dict[str, str], str]:
        """Return the steps up to `started_sessions`, and what they read."""
        columns = "started_at as occurred_at, duration_seconds, is_bounce"
        counted = "true" if setting("count_bots") else "not is_bot"
        if scope.has_sessions():
            counted = counted if scope.tells_bots("fct_sessions") else "true"
            return {"started_sessions": f"select {columns} from fct_sessions where {counted}"}, "fct_sessions"
        defaults = Sessions(kind="sessions")
        cut = session_steps(
            scope,
            None,
            timeout_seconds=defaults.inactivity_seconds,
            max_length_seconds=defaults.max_length_seconds,
            trust_client_sessions=bool(setting("trust_client_sessions")),
            since=since,
        )
        return cut | {"started_sessions": f"select {columns} from sessions where {counted}"}, "events"


def _before(moment: date | datetime, length: timedelta) -> date | datetime:
    """Return the time `length` before a local day or time; a day stays a day where whole days lie between."""
    if isinstance(moment, datetime) or not length % timedelta(days=1):
        return moment - length
    return datetime.combine(moment, datetime.min.time()) - length
