"""How many units convert, and how long it takes them."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope
from serving.ask.vocabulary import Question, Selector

Origin = Annotated[
    Annotated[Literal["first_seen"], Tag("a word")] | Annotated[Selector, Tag("an event")],
    Discriminator(lambda value: "an event" if isinstance(value, dict | Selector) else "a word"),
]


class Conversions(Question):
    """Units with the conversion `event` in a period, of those with activity in it (`users`).

    A period holds the events of the range only, and one that the range cuts is not `is_complete`;
    `total`: one row, which carries the first day. A unit converts once a
    period, also where it did in an earlier one. The rate is null where nobody is active; it can exceed 1 only where
    the conversion event is no activity. `median_seconds` is over the converted units that have a time: from the unit's
    first event of all (`first_seen`), or its first event of the selector `from`, in all history, to its first
    conversion in the period that is not before it.
    """

    kind: Literal["conversions"]
    event: Selector
    from_: Origin = Field("first_seen", alias="from")
    interval: Literal["hour", "day", "week", "month", "total"] = "day"

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `period_start, users, converted, conversion_rate, median_seconds, is_complete`."""
        is_conversion, is_active = scope.selector(self.event), scope.selector(None)
        is_origin = scope.selector(self.from_) if isinstance(self.from_, Selector) else "true"
        columns = {
            "period_start": scope.period_key(self.interval),
            "at_us": "epoch_us(occurred_at)",
            "is_active": is_active,
            "is_conversion": is_conversion,
        }
        in_range = (scope.since(self.date_from), scope.until(scope.end))
        sql = steps(
            spine=f"select * from ({scope.calendar(self.interval)}) as calendar where {scope.shows(self.interval)}",
            periods="select period_key as period_start from spine",
            question_events=scope.events(columns, f"({is_active} or {is_conversion})", *in_range),
            active="select period_start, unit from question_events where is_active",
            conversions_of_units="select period_start, unit, at_us from question_events where is_conversion",
            origin_events=scope.events({"at_us": "epoch_us(occurred_at)"}, is_origin, scope.until(scope.end)),
            origins="select unit, min(at_us) as at_us from origin_events "
            "where unit in (select unit from conversions_of_units) group by unit",
            counts=engine(
                "conversions", active="active", conversions="conversions_of_units", origins="origins", periods="periods"
            ),
            last="select label as period_start, units as users, converted, conversion_rate, median_seconds, "
            f"{scope.is_complete(self.interval, 'start', is_whole=False)} as is_complete "
            "from spine join counts on period_key = counts.period_start order by place",
        )
        return Answerable(sql)
