"""In how many periods units are active."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from typing import Annotated, Literal

from pydantic import Field

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope, at_the_hour
from serving.ask.vocabulary import Count, Period, Question, Selector

SIGNS = {"gte": ">=", "lte": "<=", "exact": "="}


class Stickiness(Question):
    """Units by the number of distinct periods in which they were active in the range.

    A period is `period_length` hours, days, weeks or months, counted from the whole one that holds `date_from` (else
    the first event). It is active for a unit that has as many events in it as `criteria` asks, and at least one.
    `exact`: units active in exactly so many periods; `cumulative`: in so many or more. One row for each number
    that is possible.
    """

    kind: Literal["stickiness"]
    period: Period = "day"
    period_length: Annotated[Count, Field(le=36_500)] = 1
    event: Selector | None = None
    computed_as: Literal["exact", "cumulative"] = "exact"
    criteria: tuple[Literal["gte", "lte", "exact"], Count] = ("gte", 1)

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `active_periods, users`."""
        is_any_event_enough = self.criteria == ("gte", 1) and self.period != "hour"
        if is_any_event_enough:
            unit_days = scope.unit_days(self.event, None, since=scope.first_day_of_first(self.period))
            source, events = unit_days.source, f"select unit, day as moment from ({unit_days.sql}) as unit_days"
        else:
            moment = scope.hour() if self.period == "hour" else f"{scope.local()}::date"
            chosen = (scope.selector(self.event), scope.until(scope.end))
            source, events = "events", scope.events({"moment": moment}, *chosen)
        if self.period == "hour":
            start, spine = (
                "moment",
                f"select starts_at as start from ({scope.hours(at_the_hour(scope.start))}) as hours",
            )
        else:
            start = engine("period_start", day="moment", period=self.period, week_start=self.week_start)
            spine = f"select period_start as start from ({scope.periods(self.period)}) as periods"
        length = self.period_length
        is_exact = self.computed_as == "exact"
        users = "sum(units)" if is_exact else "(sum(sum(units)) over (order by active_periods desc))"
        sql = steps(
            selected_events=events,
            starts=spine,
            numbered="select start, (row_number() over (order by start)"
            f" + {length - 1}) // {length} as period from starts",
            unit_starts=f"select unit, {start} as start, count(*) as events from selected_events group by all",
            unit_periods="select unit, period, events from unit_starts join numbered using (start)",
            active_unit_periods="select unit, period from unit_periods group by all "
            f"having sum(events) {SIGNS[self.criteria[0]]} {self.criteria[1]}",
            active_units="select unit, count(*) as active_periods from active_unit_periods group by all",
            histogram="select active_periods, count(*) as units from active_units group by all "
            "union all select unnest(generate_series(1, (select max(period) from numbered))), 0",
            last=f"select active_periods, {users}::bigint as users from histogram "
            "group by active_periods order by active_periods",
        )
        return Answerable(sql, source)
