"""How measures of events move over time."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StrictStr, model_validator

from serving.ask.engines import engine, steps
from serving.ask.formula import formula_sql
from serving.ask.scope import Answerable, Scope, timestamp_literal
from serving.ask.vocabulary import Count, Keys, Question, Selector

OF_EVENTS = ("count", "uniques", "count_per_unit")
LONGEST = {"hour": timedelta(hours=2), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}
OTHER = "Other"
ZERO_OF_NOTHING = ("count", "uniques", "sum")
# sums and averages add up in the order of the values: the rows' order cannot change the last digit of a fraction
AGGREGATES = {
    "count": "count(*) filter (where {selected})",
    "uniques": "count(distinct unit) filter (where {selected})",
    "count_per_unit": "count(unit) filter (where {selected}) "
    "/ nullif(count(distinct unit) filter (where {selected}), 0)",
    "sum": "coalesce(sum({value} order by {value}) filter (where {selected}), 0)",
    "avg": "avg({value} order by {value}) filter (where {selected})",
    "min": "min({value}) filter (where {selected})",
    "max": "max({value}) filter (where {selected})",
    "p50": "quantile_cont({value}, 0.5) filter (where {selected})",
    "p90": "quantile_cont({value}, 0.9) filter (where {selected})",
    "p95": "quantile_cont({value}, 0.95) filter (where {selected})",
    "p99": "quantile_cont({value}, 0.99) filter (where {selected})",
}
FORMULA = "formula"


class Series(Selector):
    """One series: the events that it selects, what is measured of them, and of which `property`."""

    measure: Literal["count", "uniques", "sum", "avg", "min", "max", "p50", "p90", "p95", "p99", "count_per_unit"] = (
        "count"
    )
    property: StrictStr | None = None

    @model_validator(mode="after")
    def _has_its_property(self) -> Self:
        if self.measure in OF_EVENTS and self.property is not None:
            raise ValueError(f"`{self.measure}` measures events and takes no `property`: leave it out, or ask for sum")
        if self.measure not in OF_EVENTS and self.property is None:
            raise ValueError(f'`{self.measure}` needs the `property` that it measures, as in {{"property": "price"}}')
        return self

    def aggregate(self, selected: str, value: str) -> str:
        """Return the aggregate of the measure, over the events of a condition and the number of each."""
        return AGGREGATES[self.measure].format(selected=selected, value=value)


class Trends(Question):
    """Measures of events by period: `count` of events, `uniques` (distinct units), `count_per_unit` (events of units
    by units), or `sum, avg, min, max` and the percentiles `p50, p90, p95, p99` of a property.

    Values that are no number are left out of a property's measure. `amount_cents` of a payment, refund or subscription
    is in the reporting currency, and that of a payment sent again is left out, as fct_payments counts it. A percentile
    lies between the two nearest values in proportion (0.9 of 10 and 20 is 19). Events of nobody are no unit, but where
    the unit is person they count as events, and so do their values. A count, uniques or a sum of nothing is 0, any
    other measure of nothing is null.

    A period holds the events of the range only, and one that the range cuts is not `is_complete`. `total`: one row,
    which carries the first day. `breakdown`: the `top`
    values by the whole range's value of the first series, ties by name; all others together are `Other`, measured of
    their events (and so is a value that is itself written so). `formula`: a row more, named `formula`, of the
    measures in the same period and breakdown; null where it divides by zero. `rolling`: each value is the mean of the
    n intervals that end with its own, made last; it reaches back before the range as far as there is data, and leaves
    out intervals without a value. `compare`: the same in the range of equal length (whole days; whole hours by hour
    or total) right before, moved forward by that length, so that like stands beside like; by the hour, the same clock
    hours stand beside each other.
    """

    kind: Literal["trends"]
    series: Annotated[dict[Annotated[StrictStr, Field(min_length=1)], Series], Field(min_length=1, max_length=50)]
    formula: Annotated[StrictStr, Field(max_length=1000)] | None = None
    interval: Literal["hour", "day", "week", "month", "total"] = "day"
    breakdown: Keys = None
    top: Annotated[Count, Field(le=1000)] = 10
    compare: Literal["previous_period"] | None = None
    rolling: Annotated[Count, Field(le=1000)] = 1

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.formula is not None:
            if FORMULA in self.series:
                raise ValueError("a series is called `formula` like the formula's own rows: give it another name")
            try:
                self._formula()
            except ValueError as error:
                raise ValueError(f"`formula` is {self.formula!r}: {error}") from error
        if self.top != 10 and not self.breakdown:
            raise ValueError("`top` says how many values of `breakdown` are shown: name a `breakdown` too")
        if self.rolling > 1 and self.interval == "total":
            raise ValueError("`rolling` averages intervals, and `total` has only one: choose another `interval`")
        return self

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `period_start, series, value, is_complete`; before the last `breakdown`, `previous`."""
        measures = [
            one.aggregate(f"is_selected_{number}", f"value_{number}")
            for number, one in enumerate(self.series.values(), start=1)
        ]
        of_nothing = ", ".join("0" if one.measure in ZERO_OF_NOTHING else "null" for one in self.series.values())
        events = self._events(scope)
        if self.compare:
            events += f" union all {self._events(scope, scope.previous_range(self._whole)[1])}"
        nothing = f"[{of_nothing}]::double[]"
        names = scope.bind([*self.series, *([FORMULA] if self.formula is not None else [])])
        columns = ["period_start", "series", "value"]
        columns += (["breakdown"] if self.breakdown else []) + (["previous"] if self.compare else [])
        columns += [f"{scope.is_complete(self.interval, 'start', is_whole=False)} as is_complete"]
        sql = steps(
            spine=self._spine(scope),
            series_events=events,
            **self._segments(),
            counts="select is_previous, place, segment, "
            f"[{', '.join(f'({measure})::double' for measure in measures)}] as measured "
            "from segment_events group by all",
            filled=f"select spine.*, segments.*, coalesce(now.measured, {nothing}) as measured, "
            f"coalesce(before.measured, {nothing}) as previous_measured from spine cross join segments "
            "left join counts as now on now.place = spine.place and now.segment = segments.segment "
            "and not now.is_previous left join counts as before on before.place = spine.place "
            "and before.segment = segments.segment and before.is_previous",
            listed="select place, label as period_start, start, is_shown, segment, breakdown, "
            f"unnest({names}::varchar[]) as series, "
            f"unnest(range(len({names}::varchar[]))) as series_number, "
            f"unnest({self._with_formula('measured')}) as value, "
            f"unnest({self._with_formula('previous_measured')}) as previous from filled",
            shown=f"select * replace ({self._rolled('value')} as value, {self._rolled('previous')} as previous) "
            "from listed",
            last=f"select {', '.join(columns)} from shown where is_shown order by place, series_number, segment",
        )
        return Answerable(sql)

    @property
    def _whole(self) -> timedelta:
        """What the length of a range is counted in."""
        return timedelta(hours=1) if self.interval in ("hour", "total") else timedelta(days=1)

    def _formula(self, measured: str = "measured") -> str:
        values = {name: f"{measured}[{number}]" for number, name in enumerate(self.series, start=1)}
        return formula_sql(str(self.formula), values)

    def _with_formula(self, measured: str) -> str:
        """Return the list of a row's measures, the formula's last."""
        return measured if self.formula is None else f"list_append({measured}, {self._formula(measured)})"

    def _rolled(self, column: str) -> str:
        """Return what is shown of a measure: itself, whole where it counts, or the mean of the last intervals."""
        known = f"case when isfinite({column}) then {column} end"
        if self.rolling > 1:
            window = f"rows between {self.rolling - 1} preceding and current row"
            return f"avg({known}) over (partition by series_number, segment order by place {window})"
        is_whole = self.formula is None and all(one.measure in ("count", "uniques") for one in self.series.values())
        return f"{column}::bigint" if is_whole else known

    def _spine(self, scope: Scope) -> str:
        """Return the periods to show, and those before them that `rolling` reaches back to."""
        places = (
            f"select *, {scope.shows(self.interval)} as is_shown from ({scope.calendar(self.interval)}) as calendar"
        )
        return (
            f"select * from ({places}) as places "
            f"qualify place > min(case when is_shown then place end) over () - {self.rolling}"
        )

    def _events(self, scope: Scope, shift: timedelta | None = None) -> str:
        """Return the events that some series selects, with their place; with a `shift` those of the range before."""
        moved = shift or timedelta(0)
        moment = f"({scope.local()} + {_interval(moved)})" if shift else scope.local()
        columns = {
            "is_previous": str(shift is not None).lower(),
            "is_in_range": self._in_range(scope, moment),
            "period_key": self._period_key(scope, moment, is_previous=shift is not None),
            "breakdown": f"{scope.joined(self.breakdown)}::varchar" if self.breakdown else "null::varchar",
        }
        selectors = []
        for number, one in enumerate(self.series.values(), start=1):
            selected = scope.selector(one)
            selectors.append(selected)
            columns[f"is_selected_{number}"] = selected
            columns[f"value_{number}"] = (
                f"case when {selected} then {scope.number(one.property)} end" if one.property else "null::double"
            )
        since = None if self.date_from is None else self._since(scope)
        until = scope.end if shift is None else scope.previous_range(self._whole)[0]
        conditions = (
            f"({' or '.join(selectors)})",
            "true" if since is None else scope.since(since - moved),
            scope.until(until),
        )
        events = scope.events(columns, *conditions, is_unit_needed=self.unit != "person")
        calendar_key = "start" if shift and self.interval == "hour" else "period_key"
        is_known = "is_in_range" if self.rolling == 1 else "(is_in_range or not is_shown)"
        return (
            f"select series_events.*, spine.place from ({events}) as series_events "
            f"join spine on series_events.period_key = spine.{calendar_key} where {is_known}"
        )

    def _since(self, scope: Scope) -> datetime:
        """Return a local time that is not after the first interval to which `rolling` reaches back."""
        first = scope.first_period(self.interval)
        back = LONGEST.get(self.interval, timedelta(0)) * (self.rolling - 1)
        return datetime.combine(first, datetime.min.time()) - back if not isinstance(first, datetime) else first - back

    def _in_range(self, scope: Scope, moment: str) -> str:
        return "true" if self.date_from is None else f"{moment} >= {timestamp_literal(self.date_from)}"

    def _period_key(self, scope: Scope, moment: str, *, is_previous: bool) -> str:
        if not is_previous or self.interval == "total":
            return scope.period_key(self.interval)
        if self.interval == "hour":
            return f"date_trunc('hour', {moment})"
        return engine("period_start", day=f"{moment}::date", period=self.interval, week_start=self.week_start)

    def _segments(self) -> dict[str, str]:
        """Return the steps that give `segments` (the values shown, in their order) and each event its `segment`."""
        if not self.breakdown:
            return {
                "segments": "select 1 as segment, null::varchar as breakdown",
                "segment_events": "select *, 1 as segment from series_events",
            }
        ranked_by = next(iter(self.series.values()))
        value = ranked_by.aggregate("is_selected_1 and is_in_range and not is_previous", "value_1")
        order = "is_now desc, value desc nulls last, breakdown nulls last"
        return {
            "overall": f"select breakdown, bool_or(is_in_range and not is_previous) as is_now, {value} as value "
            "from series_events group by breakdown",
            "top_values": f"select row_number() over (order by {order}) as segment, breakdown from overall "
            f"where breakdown is distinct from '{OTHER}' order by segment limit {self.top}",
            "segments": f"select * from top_values union all select {self.top + 1}, '{OTHER}' "
            "where (select count(*) from overall) > (select count(*) from top_values)",
            "segment_events": f"select series_events.*, coalesce(top_values.segment, {self.top + 1}) as segment from "
            "series_events left join top_values on series_events.breakdown is not distinct from top_values.breakdown",
        }


def _interval(length: timedelta) -> str:
    return f"interval {round(length / timedelta(hours=1))} hour"
