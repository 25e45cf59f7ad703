"""Who comes back, by cohort and period."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope, timestamp_literal
from serving.ask.vocabulary import Count, Keys, LocalTime, Period, Question, Selector

PERIOD_SECONDS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}


class Retention(Question):
    """Cohorts of units by the period of their start event, and how many of them have the return event k periods later.

    Without a selector, an event is any activity. Period 0 is the cohort itself, by the start event alone. `recurring`:
    a unit is in the cohort of every period with a start event; `first_time`: in that of its first one in all history.
    `exact`: on period k; `on_or_after`: on k or any later one; `within`: on any of 1 to k. A period counts with
    `minimum_occurrences` return events. `rolling_24h` counts periods of 1, 24, 7x24 or 30x24 hours from the unit's
    first start event of the cohort. `value` sums a number of the return events, of period 0 too; `amount_cents` of
    money events as fct_payments counts it. `cohorts` counts from `first_cohort_start` (else `date_from`); without
    either it takes the latest. A breakdown takes the first value that is set among the unit's start events of the
    cohort's period. `periods` reaches by default as far as any cohort is complete. Cells that have not begun by the
    data's clock are absent; those under way have `is_complete` false (`on_or_after` cells may still grow by later
    periods). `summary`: instead of cells one row for each period, over all cohorts whose cell is complete, so that the
    rate is weighted by their sizes (`cohort_users`). `brackets` are rising bounds from 1: `[1, 4, 8]` joins the periods
    1 to 3 and 4 to 7, each bracket a row of its `period` to its `period_to`, in which `minimum_occurrences` are counted
    and which is complete when its last period is.
    """

    kind: Literal["retention"]
    period: Period = "day"
    cohorts: Count | None = None
    first_cohort_start: LocalTime = None
    start_event: Selector | None = None
    return_event: Selector | None = None
    cohort_rule: Literal["recurring", "first_time"] = "recurring"
    measure: Literal["exact", "on_or_after", "within"] = "exact"
    window: Literal["calendar", "rolling_24h"] = "calendar"
    minimum_occurrences: Count = 1
    value: StrictStr | None = None
    breakdown: Keys = None
    periods: Annotated[Count, Field(le=100_000)] | None = None
    summary: StrictBool = False
    brackets: Annotated[list[Annotated[StrictInt, Field(le=100_000)]], Field(min_length=2, max_length=100)] | None = (
        None
    )

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.brackets and (self.brackets[0] != 1 or self.brackets != sorted(set(self.brackets))):
            raise ValueError(
                "`brackets` must rise from 1 from bound to bound, as in [1, 4, 8]: periods 1 to 3 and 4 to 7"
            )
        if self.brackets and self.periods:
            raise ValueError("`brackets` say how far the answer reaches: leave out `periods`")
        if self.summary and self.value:
            raise ValueError("`summary` weighs units, not money: leave out `value` or `summary`")
        return self

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `cohort_start, period, users, rate, is_complete`, a leading `breakdown`, a last `value`.

        With `summary`: `period, users, cohort_users, rate`, a leading `breakdown`. With `brackets` a `period_to`, too.
        """
        by = ["breakdown"] if self.breakdown else []
        column = "breakdown, " if by else ""
        period = "period"
        if self.brackets:
            ends = [0, *(bound - 1 for bound in self.brackets[1:])]
            period = f"({[0, *self.brackets[:-1]]})[period + 1] as period, ({ends})[period + 1] as period_to"
        period_us = PERIOD_SECONDS[self.period] * 1_000_000 if self.window == "rolling_24h" else None
        sides = self._rolling_sides(scope) if self.window == "rolling_24h" else self._calendar_sides(scope)
        named = dict(
            periods=scope.calendar(self.period),
            **sides,
            cohort_places=self._cohorts(scope),
            starts="select unit_starts.* exclude (place), place as cohort from unit_starts "
            "where place in (select place from cohort_places)",
            known_cells=self._cells(scope),
            cells=self._shown(by),
            counts=engine(
                "retention", starts="starts", returns="returns", cells="cells", measure=self.measure,
                window=self.window, period_us=period_us,
                minimum_occurrences=self.minimum_occurrences, by=by, brackets=self.brackets or [],
            ),
        )  # fmt: skip
        if self.summary:
            named["sized_cells"] = (
                "select *, max(case when period = 0 then units end) "
                f"over (partition by {column}cohort) as cohort_units from counts"
            )
            named["summaries"] = (
                f"select {column}period, sum(units)::bigint as units, sum(cohort_units)::bigint as cohort_units, "
                "sum(units)::double / nullif(sum(cohort_units), 0) as rate "
                "from sized_cells where is_complete group by all"
            )
            last = (
                f"select {column}{period}, units as users, cohort_units as cohort_users, rate "
                "from summaries order by all"
            )
        else:
            last = (
                f"select {column}label as cohort_start, {period}, units as users, rate, is_complete"
                f"{', amount as value' if self.value else ''} "
                f"from counts join periods on cohort = place order by {column}place, counts.period"
            )
        return Answerable(steps(**named, last=last))

    def _calendar_sides(self, scope: Scope) -> dict[str, str]:
        """Return the steps to `unit_starts` and `returns`, by one pass over the events: periods of units tell all."""
        starting = scope.selector(self.start_event)
        returning = starting if self.return_event == self.start_event else scope.selector(self.return_event)
        is_same = returning == starting
        events = scope.events(
            self._columns(scope)
            | {"is_start": "true" if is_same else starting, "is_return": "true" if is_same else returning}
            | ({"amount": self._amount(scope)} if self.value else {}),
            starting if is_same else f"({starting} or {returning})",
            scope.until(scope.end),
        )
        amount = "sum(amount) filter (where is_return)" if self.value else "0"
        return {
            "question_events": events,
            "unit_periods": "select unit, period_key, bool_or(is_start) as is_start, "
            f"count(*) filter (where is_return) as events, {amount} as amount{self._first_value('is_start')} "
            "from question_events group by unit, period_key",
            "placed_periods": "select * from unit_periods join periods using (period_key)",
            "unit_starts": "select unit, min(place) as place from placed_periods where is_start group by unit"
            if self.is_first_time and not self.breakdown
            else f"select unit, place{', breakdown' if self.breakdown else ''} from placed_periods "
            f"where is_start {self._first_only}",
            "returns": "select unit, place, events, amount from placed_periods where events > 0",
        }

    def _rolling_sides(self, scope: Scope) -> dict[str, str]:
        """Return the steps to `unit_starts`, with the time from which each counts, and to `returns`, one an event."""
        until = scope.until(scope.end)
        moment = {"moment_us": "epoch_us(occurred_at)"}
        return {
            "start_events": scope.events(self._columns(scope) | moment, scope.selector(self.start_event), until),
            "unit_starts": f"select unit, place, min(moment_us) as anchor_us{self._first_value('true')} "
            f"from start_events join periods using (period_key) group by unit, place {self._first_only}",
            "returns": scope.events(
                moment | {"events": "1", "amount": self._amount(scope)}, scope.selector(self.return_event), until
            ),
        }

    def _columns(self, scope: Scope) -> dict[str, str]:
        """Return what the cohort of an event is told from."""
        columns = {"period_key": scope.period_key(self.period)}
        if self.breakdown:
            columns |= {"moment_us": "epoch_us(occurred_at)", "event_id": "(event_id, app)"}
            columns |= {"breakdown": scope.joined(self.breakdown)}
        return columns

    def _amount(self, scope: Scope) -> str:
        return scope.amount(self.value) if self.value else "0"

    def _first_value(self, condition: str) -> str:
        """Return the column `breakdown` of a group of events: the first value that is set, where one is asked."""
        if self.breakdown is None:
            return ""
        chosen = f"filter (where {condition} and breakdown is not null)"
        return f", arg_min(breakdown, (moment_us, event_id)) {chosen} as breakdown"

    @property
    def _first_only(self) -> str:
        return "qualify row_number() over (partition by unit order by place) = 1" if self.is_first_time else ""

    @property
    def is_first_time(self) -> bool:
        """Whether a unit has one cohort only."""
        return self.cohort_rule == "first_time"

    def _cohorts(self, scope: Scope) -> str:
        """Return the periods whose cohorts are shown: those that have begun, from the first asked, `cohorts` many."""
        first = self.first_cohort_start or scope.start
        is_anchored = self.first_cohort_start is not None or self.date_from is not None
        known, _ = scope.known_until()
        # the last period that begins by then holds it
        begun = f"start <= {timestamp_literal(known)} and {timestamp_literal(first)} <= {timestamp_literal(known)}"
        holds_first = f"(select coalesce(max(place), 1) from periods where start <= {timestamp_literal(first)})"
        limit = f" order by place {'asc' if is_anchored else 'desc'} limit {self.cohorts}" if self.cohorts else ""
        return f"select place, start from periods where {begun} and place >= {holds_first}{limit}"

    def _cells(self, scope: Scope) -> str:
        """Return (cohort, period, is_complete) of every cell that has begun; a bracket's number is its period."""
        if not self.brackets:
            return self._cells_of_periods(scope)
        bounds = [0, *self.brackets]
        return (
            f"select cohort, bracket as period, bool_or(is_complete and period = ({bounds})[bracket + 2] - 1) "
            f"as is_complete from ({self._cells_of_periods(scope)}) as cells_of_periods "
            f"join (select unnest(range({len(self.brackets)})) as bracket) as brackets "
            f"on period >= ({bounds})[bracket + 1] and period < ({bounds})[bracket + 2] group by all"
        )

    def _cells_of_periods(self, scope: Scope) -> str:
        known, complete_before = scope.known_until()
        # no wider than asked: every pair of periods of a long calendar would be millions
        width = self.periods + 1 if self.periods else "(select count(*) from periods)"
        width = self.brackets[-1] if self.brackets else width
        cells = f"(select place as cohort, start, unnest(range({width})) as period from cohort_places) as cells"
        if self.window == "calendar":
            return (
                f"select cohort, period, is_complete from {cells} join ("
                "select place, coalesce(lead(periods.start) over (order by place) "
                f"<= {timestamp_literal(complete_before)}, {self._ends_by(scope)}) as is_complete "
                f"from periods where start <= {timestamp_literal(known)}"
                ") as known_periods on known_periods.place = cells.cohort + cells.period"
            )
        length = f"to_seconds({PERIOD_SECONDS[self.period]})"
        ends = engine("shift_period", period_start="start::date", period=self.period, periods=1)
        ends = "start + interval 1 hour" if self.period == "hour" else ends
        return (
            "select cohort, period, "
            f"{ends} + (period + 1) * {length} <= {timestamp_literal(complete_before)} as is_complete "
            f"from {cells} where start + period * {length} <= {timestamp_literal(known)}"
        )

    def _ends_by(self, scope: Scope) -> str:
        """Return the condition that the last period of the calendar is over."""
        _, complete_before = scope.known_until()
        if self.period == "hour":
            return f"periods.start + interval 1 hour <= {timestamp_literal(complete_before)}"
        end = engine("shift_period", period_start="periods.start::date", period=self.period, periods=1)
        return f"{end} <= {timestamp_literal(complete_before)}"

    def _shown(self, by: list[str]) -> str:
        """Return the cells of the answer: as wide as asked, or as the cohort that is complete furthest."""
        width = (
            str(self.periods)
            if self.periods
            else "(select coalesce(max(period) filter (where is_complete), 0) from known_cells)"
        )
        segments = "(select distinct breakdown from starts) as segments cross join " if by else ""
        is_shown = "true" if self.brackets else f"period <= {width}"
        return f"select * from {segments}known_cells where {is_shown}"
