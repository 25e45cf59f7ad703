"""Where each period's active units come from, and who fell silent."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from typing import Literal

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope
from serving.ask.vocabulary import Period, Question, Selector

# how far back a day must see to tell `returning` from `resurrected`
REACH_DAYS = {"hour": 2, "day": 2, "week": 13, "month": 61}
STATUSES = """
    select
        period_start,
        unnest(['new', 'returning', 'resurrected', 'dormant']) as status,
        unnest([1, 2, 3, 4]) as place,
        unnest([new_units, returning_units, resurrected_units, dormant_units]) as users
    from counts
"""


class Lifecycle(Question):
    """Units that are new, returning, resurrected or dormant in each period, zero-filled.

    `new` is the period of the unit's first selected event in all history, also before `date_from`. The first period
    shown is the whole one that holds `date_from`; nothing after `date_to` counts. `users` is never negative.
    `is_complete` is false while the period can still grow, and where `date_to` cuts it.
    """

    kind: Literal["lifecycle"]
    period: Period = "day"
    event: Selector | None = None

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `period_start, status, users, is_complete`."""
        if self.period == "hour":
            unit_hours = scope.distinct_events(
                {"hour": scope.hour()}, scope.selector(self.event), scope.until(scope.end)
            )
            source = unit_hours.source
            # the engine's `day` is the running number of the hour: hours next to each other differ by one
            days = {
                "hours": scope.hours(None),
                "unit_hours": unit_hours.sql,
                "unit_days": "select unit, hour_number as day from unit_hours join hours on hour = starts_at",
                "labels": "select hour_number as period_start, period_start as label, label as start from hours where "
                + scope.shows_hour(),
            }
        else:
            unit_days = scope.unit_days(self.event, None, since=None)
            source = unit_days.source
            periods = scope.periods(self.period)
            days = {
                "unit_days": unit_days.sql,
                "labels": "select period_start, period_start as label, period_start::timestamp as start "
                f"from ({periods}) as periods",
            }
        sql = steps(
            **days,
            gaps=engine("active_gaps", unit_days="unit_days", unit="unit", cap_days=REACH_DAYS[self.period]),
            counts=engine("lifecycle", gaps="gaps", periods="labels", period=self.period, week_start=self.week_start),
            statuses=STATUSES,
            last="select label as period_start, status, users, "
            f"{scope.is_complete(self.period, 'start', is_whole=True)} as is_complete "
            "from statuses join labels using (period_start) order by statuses.period_start, place",
        )
        return Answerable(sql, source)
