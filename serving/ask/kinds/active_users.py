"""How many units were active: DAU, WAU, MAU or any window, rolling or by the calendar."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope, at_the_hour, date_literal
from serving.ask.settings import setting
from serving.ask.vocabulary import Count, Keys, Question, Selector

MONTHS = (28, 29, 30, 31)
MINUTES_A_DAY = 1440
SEGMENTED = "select * from (select distinct breakdown from unit_days) as segments cross join unsegmented"
LABELLED = "select * from counts join (select distinct day, period_start, start from periods) as labels using (day)"


class ActiveUsers(Question):
    """Distinct units active in a window of `window_days` days (by default 1; 7 by week, `mau_days` by month).

    Day: the window ends with that local day. Hour: it ends with that local clock hour and is 24 hours a day long.
    Week with 7 days and month with 28 to 31: distinct in the calendar period, the first one whole, the last one up to
    `date_to`. Week and month with another window, and total: the window that ends with the last day of the period or
    range. A window reaches back before `date_from`. A unit counts under each breakdown value that it has;
    values without any are left out.
    `is_complete` is false while the period can still grow, and where `date_to` cuts it.
    """

    kind: Literal["active_users"]
    window_days: Annotated[Count, Field(le=36_500)] | None = None
    interval: Literal["hour", "day", "week", "month", "total"] = "day"
    event: Selector | None = None
    breakdown: Keys = None

    def model_post_init(self, _: object) -> None:
        """Fill in the window that goes with the interval."""
        if self.window_days is None:
            self.window_days = {"week": 7, "month": int(str(setting("mau_days")))}.get(self.interval, 1)

    @property
    def is_calendar(self) -> bool:
        """Whether the window is the calendar period itself."""
        months = self.interval == "month" and self.window_days in MONTHS
        return months or (self.interval == "week" and self.window_days == 7)

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `period_start, users, is_complete`, with a leading `breakdown` where asked."""
        by = ["breakdown"] if self.breakdown else []
        days = self.window_days or 1
        if self.interval == "hour":
            unit_days = self._unit_hours(scope, days)
        else:
            unit_days = scope.unit_days(self.event, self.breakdown, since=self._since(scope, days))
        length = days * MINUTES_A_DAY if self.interval == "hour" else days
        spine = {"periods": self._periods(scope)}
        if by:
            spine = {"unsegmented": spine["periods"], "periods": SEGMENTED}
        if self.is_calendar:
            start = engine("period_start", day="day", period=self.interval, week_start=self.week_start)
            column = "breakdown, " if by else ""
            counted = {
                "unit_periods": f"select {column}{start} as period_start, unit from unit_days "
                f"union all select {column}period_start, null from periods",
                "shown": f"select {column}period_start, count(distinct unit) as active_units from unit_periods "
                "group by all",
            }
        else:
            windows = [("active_units", length)]
            counted = {
                "gaps": engine("active_gaps", unit_days="unit_days", unit="unit", by=by),
                "counts": engine("rolling_actives", gaps="gaps", days="periods", windows=windows, by=by),
                "shown": LABELLED,
            }
        start = "period_start::timestamp" if self.is_calendar else "start"
        is_complete = scope.is_complete(self.interval, start, is_whole=True)
        order = ", ".join([*by, "period_start" if self.is_calendar else "day"])
        if by:
            counted["shown_of_all"] = counted.pop("shown")
            counted["shown"] = "select * from shown_of_all qualify max(active_units) over (partition by breakdown) > 0"
        last = (
            f"select {'breakdown, ' if by else ''}period_start, active_units as users, {is_complete} as is_complete "
            f"from shown order by {order}"
        )
        return Answerable(steps(unit_days=unit_days.sql, **spine, **counted, last=last), unit_days.source)

    def _since(self, scope: Scope, days: int) -> date:
        """Return the first day that some window shown holds."""
        if self.is_calendar:
            return scope.first_day_of_first(self.interval)
        first_shown = scope.last_day if self.interval == "total" else scope.first_day
        return first_shown - timedelta(days=days - 1)

    def _periods(self, scope: Scope) -> str:
        """Return the spine: `period_start`, and the `day` with which its window ends."""
        last_day = date_literal(scope.last_day)
        if self.is_calendar:
            return scope.periods(self.interval)
        if self.interval == "total":
            return f"select {last_day} as day, {last_day} as period_start, null::timestamp as start"
        if self.interval == "hour":
            hours = scope.hours(at_the_hour(scope.start))
            return f"select hour_id as day, period_start, label as start from ({hours}) as hours"
        after = engine("shift_period", period_start="period_start", period=self.interval, periods=1)
        periods = scope.periods(self.interval)
        return (
            f"select least({after} - 1, {last_day}) as day, period_start, period_start::timestamp as start "
            f"from ({periods}) as periods_asked"
        )

    def _unit_hours(self, scope: Scope, days: int) -> Answerable:
        """Return unit days whose `day` is the minute since 1970 at which a local clock hour begins."""
        columns = {"day": f"epoch({scope.hour()})::bigint // 60"}
        if self.breakdown:
            columns["breakdown"] = scope.joined(self.breakdown)
        since = at_the_hour(scope.start) - timedelta(days=days)
        return scope.distinct_events(columns, scope.selector(self.event), scope.since(since), scope.until(scope.end))
