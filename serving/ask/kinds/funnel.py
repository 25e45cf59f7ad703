"""How far units get through a sequence of steps."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from collections import Counter
from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictStr, model_validator

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope, last_moment, timestamp_literal
from serving.ask.vocabulary import Count, Keys, Part, Period, Question, Selector

# so many different selectors of one event name have 31 unions, each of which is looked for
MOST_SHARING = 5
# of a histogram that says nothing of its bins
MOST_BINS = 60


class Step(Selector):
    """One step: its events, and whether it may be left out. `first_ever`: only the unit's first such event of all."""

    optional: StrictBool = False
    name: StrictStr | None = None
    occurrence: Literal["any", "first_ever"] = "any"


class Exclusion(Selector):
    """Events that spoil an attempt after its `from_step` and before its `to_step`, counted from 1."""

    from_step: Count
    to_step: Count


class Histogram(Part):
    """Seconds from one step to another, in equal bins: `bins` many from 0 on.

    Without `bins`, from the smallest time on, as many as the cube root of the units that got there, rounded up, but no
    more than 60.
    """

    from_step: Count
    to_step: Count
    bins: Annotated[Count, Field(le=1000)] | None = None


class Funnel(Question):
    """Units at each step of the attempt that got furthest; any step-1 event opens one.

    Step k continues the attempt that most recently reached the step before it, within the window of that attempt's
    step 1 (inclusive). Equal times are taken in step order. `strict`: no other event of the question in between. An
    attempt that an exclusion spoils does not count; where the furthest is spoiled and no other gets as far, the unit
    leaves. Times are those of the first attempt that gets furthest. The first step has no previous one, so that its
    rate from the previous and its drop-off are null; an optional step is compared with the last required one before
    it. `entry`: step 1 lies in the range; `all_steps`: every step does. The breakdown is the first or last value that
    is set among the attempt's step events, or that of step k. `trend`: one row for each period of step 1, in which a
    unit counts once; it is complete when its last attempt's window is over.
    `unordered`: every event of a step opens an attempt, which fills steps in any order within the window, as many as
    events of their own can fill. Row k, `step_name` "Completed k steps", holds who filled at least k; its time and its
    breakdown value are those of the k-th step filled, whichever it was. An exclusion wipes an attempt in which
    `from_step` steps are filled and not yet `to_step`, and what later events fill counts anew. No step is optional.
    To count sessions, make `unit` session.
    `hold_constant`: one value of this property goes through all steps, as an order's id does: events without one are
    left out, each value is a funnel of its own, in which exclusions and `strict` look at events of the value alone, and
    a unit counts with the value with which it got furthest first. The histogram ends with the longest time;
    `avg_seconds` is the mean of all that it holds.
    """

    kind: Literal["funnel"]
    steps: Annotated[list[Step], Field(min_length=2, max_length=50)]
    order: Literal["ordered", "strict", "unordered"] = "ordered"
    conversion_window_seconds: Count = 1_209_600
    exclusions: list[Exclusion] = Field(default_factory=list)
    date_range: Literal["entry", "all_steps"] = "entry"
    count: Literal["units", "attempts"] = "units"
    breakdown: Keys = None
    attribution: Annotated[StrictStr, Field(pattern=r"^(first_touch|last_touch|step:[1-9][0-9]?)$")] = "first_touch"
    trend: Period | None = None
    histogram: Histogram | None = None
    hold_constant: Keys = None

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        number = len(self.steps)
        if self.steps[0].optional:
            raise ValueError("the first step opens the funnel and cannot be optional: make it required or leave it out")
        spans: list[Exclusion | Histogram] = [*self.exclusions, *([self.histogram] if self.histogram else [])]
        for part in spans:
            if not part.from_step < part.to_step <= number:
                raise ValueError(f"`from_step` must lie before `to_step`, and both among the {number} steps")
        if self.attribution.startswith("step:") and int(self.attribution[5:]) > number:
            raise ValueError(f"`attribution` names {self.attribution}, but there are {number} steps")
        if self.attribution != "first_touch" and not self.breakdown:
            raise ValueError("`attribution` says how `breakdown` is chosen: name a `breakdown` too")
        if self.order == "unordered":
            self._check_unordered()
        if self.trend and self.histogram:
            raise ValueError("`trend` and `histogram` are two questions: ask for one of them")
        return self

    def _check_unordered(self) -> None:
        if any(step.optional for step in self.steps):
            raise ValueError(
                "in an unordered funnel row k counts who did any k steps, so that none is left out: make every step "
                "required, or `order` ordered"
            )
        alike = Counter(name for name, condition in set(self._selectors()) if name is not None or condition)
        if len(alike) > 1 and None in alike:
            alike = Counter({None: alike.total()})
        name, different = max(alike.items(), key=lambda item: item[1], default=(None, 0))
        if different > MOST_SHARING:
            raise ValueError(
                f"{different} different steps may share events{f' named {name}' if name else ''}, and an unordered "
                f"funnel can tell {MOST_SHARING} apart: give the steps event names of their own, or make `order` "
                "ordered"
            )

    def _selectors(self) -> list[tuple[str | None, str]]:
        """Return each step's event name (null: any) and a text of what else it asks, empty where it asks nothing."""
        return [
            (step.event_name, step.where.model_dump_json(exclude_unset=True) if step.where.root else "")
            if step.occurrence == "any"
            else (step.event_name, f"first ever {step.where.model_dump_json(exclude_unset=True)}")
            for step in self.steps
        ]

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: steps, `trend` or `histogram`, each with a leading `breakdown` where asked."""
        per = ["unit", "entry_position"] if self.count == "attempts" else ["unit"]
        if self.trend and self.count == "units":
            per = ["unit", "entry_period"]
        optional = [number for number, step in enumerate(self.steps, start=1) if step.optional]
        by = ["breakdown"] if self.breakdown else []
        picked = {"first_touch": "1", "last_touch": "-1"}.get(self.attribution)
        set_values = "list_filter(breakdowns, lambda value: value is not null and value <> '')"
        value = f"{set_values}[{picked}]" if picked else f"breakdowns[{self.attribution.removeprefix('step:')}]"
        named = {
            "question_events": self._events(scope) if not self.hold_constant else self._held_events(scope),
            "step_events": f"select * from question_events where {self._has_a_step()}",
            "attempts_of_units": engine(
                "funnel", events="step_events", steps=len(self.steps), order=self.order, optional=optional,
                window_us=self.conversion_window_seconds * 1_000_000, exclusion_events="question_events",
                exclusions=[exclusion.model_dump(include={"from_step", "to_step"}) for exclusion in self.exclusions],
                per=per, selectors=[list(selector) for selector in self._selectors()], has_breakdowns=bool(by),
            ),
        }  # fmt: skip
        attempts = "attempts_of_units"
        if self.hold_constant:
            attempts = "held_attempts"
            named[attempts] = self._held_attempts(per)
        named["attempts"] = f"select *{f', {value} as breakdown' if by else ''} from {attempts}"
        if self.trend:
            return Answerable(self._trend(scope, named, by))
        if self.histogram:
            return Answerable(self._histogram(named, by, self.histogram))
        names = [step.name or step.event_name or "any event" for step in self.steps]
        if self.order == "unordered":
            names = [f"Completed {number} step{'s' if number > 1 else ''}" for number in range(1, len(names) + 1)]
        named["counts"] = engine("funnel_steps", attempts="attempts", names=names, optional=optional, by=by)
        listed = scope.bind(names)
        column = "breakdown, " if by else ""
        last = (
            f"select {column}step, ({listed}::varchar[])[step] as step_name, users, conversion_rate, "
            "conversion_rate_from_previous, drop_off, avg_seconds_from_previous, median_seconds_from_previous "
            f"from counts order by {'breakdown, ' if by else ''}step"
        )
        return Answerable(steps(**named, last=last))

    def _held_events(self, scope: Scope) -> str:
        """Return the events with the value that is held: a unit is one with its value."""
        return (
            "select * exclude (held) replace ({'unit': unit, 'held': held} as unit) "
            f"from ({self._events(scope)}) as events_with_value where held is not null"
        )

    def _held_attempts(self, per: list[str]) -> str:
        """Return the attempts of units, each with one value: that with which it got furthest, the soonest of these."""
        attempts = "select * replace (unit.unit as unit), unit.held as held from attempts_of_units"
        best = f"row_number() over (partition by {', '.join(per)} order by step desc, times[-1], entry_us, held) = 1"
        qualified = f" qualify {best}" if self.count == "units" else ""
        return f"select * exclude (held) from ({attempts}) as attempts_of_values{qualified}"

    def _has_a_step(self) -> str:
        """Return the condition that an event counts in the order; always true where no other events are read."""
        is_sure = self.order == "strict" or not (
            self.exclusions or any(step.occurrence != "any" for step in self.steps)
        )
        return "true" if is_sure else "len(steps) > 0"

    def _events(self, scope: Scope) -> str:
        """Return the events that some step or exclusion names (all of them where the order is strict)."""
        window = timedelta(seconds=self.conversion_window_seconds)
        latest: date = scope.end
        # what spoils an attempt may come after the range in which its steps lie
        if self.date_range == "entry" or self.exclusions:
            latest = last_moment(scope.end) + window + timedelta(days=1)
        conditions = [scope.selector(step) for step in self.steps]
        is_first_ever = any(step.occurrence == "first_ever" for step in self.steps)
        matches = []
        for number, (step, condition) in enumerate(zip(self.steps, conditions, strict=True), start=1):
            if step.occurrence == "first_ever":
                moment = f"case when {condition} then (occurred_at, event_id, app) end"
                condition = (
                    f"{condition} and (occurred_at, event_id, app) = min({moment}) over (partition by {scope.unit()})"
                )
            if self.date_range == "all_steps" and self.exclusions:
                condition = f"{condition} and {scope.until(self.date_to)}"
            matches.append(f"case when {condition} then {number} end")
        excluding = [scope.selector(exclusion) for exclusion in self.exclusions]
        excluded = [f"case when {condition} then {number} end" for number, condition in enumerate(excluding, start=1)]
        in_range = f"{scope.since(self.date_from)} and {scope.until(self.date_to)}"
        columns = {
            "at_us": "epoch_us(occurred_at)",
            # apps may number their events alike
            "event_id": "(event_id, app)",
            "is_in_time": f"{scope.since(self.date_from)} and {scope.until(latest)}",
            "is_entry": in_range,
            "entry_period": scope.period_key(self.trend) if self.trend else "null",
            "breakdown": scope.joined(self.breakdown) if self.breakdown else "null::varchar",
            "steps": f"list_filter([{', '.join(matches)}], lambda step: step is not null)",
            "exclusions": f"list_filter([{', '.join(excluded)}]::integer[], lambda number: number is not null)",
        }
        if self.hold_constant:
            columns["held"] = f"{scope.joined(self.hold_constant)}::varchar"
        within = [] if is_first_ever else [scope.since(self.date_from), scope.until(latest)]
        narrowed = "true" if self.order == "strict" else f"({' or '.join([*conditions, *excluding])})"
        return f"select * from ({scope.events(columns, narrowed, *within)}) as funnel_events where is_in_time"

    def _trend(self, scope: Scope, named: dict[str, str], by: list[str]) -> str:
        first = scope.start
        _, known = scope.known_until()
        window = f"interval {self.conversion_window_seconds} second"
        end = engine("shift_period", period_start="start::date", period=self.trend, periods=1)
        end = "start + interval 1 hour" if self.trend == "hour" else f"{end}::timestamp"
        is_complete = f"{end} + {window} <= {timestamp_literal(known)}"
        if self.date_from is not None:
            is_complete += f" and start >= {timestamp_literal(self.date_from)}"
        named["calendar"] = scope.calendar(str(self.trend))
        named["shown"] = (
            f"select *, {is_complete} as is_complete from calendar where {end} > {timestamp_literal(first)}"
        )
        segments = "(select distinct breakdown from attempts) as segments cross join " if by else ""
        grouped = "spine.breakdown, place" if by else "place"
        named["spine"] = f"select * from {segments}shown"
        same = "and attempts.breakdown is not distinct from spine.breakdown " if by else ""
        return steps(
            **named,
            last=f"select {'spine.breakdown, ' if by else ''}label as period_start, count(attempts.unit) as entered, "
            f"count(attempts.unit) filter (where step = {len(self.steps)}) as converted, "
            f"count(attempts.unit) filter (where step = {len(self.steps)}) / nullif(count(attempts.unit), 0) "
            "as conversion_rate, is_complete from spine left join attempts on entry_period = period_key "
            f"{same}group by {grouped}, label, is_complete order by {grouped}",
        )

    def _histogram(self, named: dict[str, str], by: list[str], asked: Histogram) -> str:
        """Return the histogram: equal bins up to the longest time, which the last one holds."""
        column = "breakdown, " if by else ""
        named["durations"] = (
            f"select {column}times[{asked.to_step}] - times[{asked.from_step}] as duration_us from attempts "
            f"where times[{asked.to_step}] is not null and times[{asked.from_step}] is not null"
        )
        cube_root = (
            f"(select min(bins) from range(1, {MOST_BINS + 1}) as roots(bins) where bins * bins * bins >= converted)"
        )
        named["extent"] = (
            f"select 0 as shortest_us, greatest(max(duration_us), 1000000) as span_us, {asked.bins} as bins "
            "from durations"
            if asked.bins
            else "select shortest_us, span_us, "
            f"case when span_us = 0 then 1 when span_us > 0 then coalesce({cube_root}, {MOST_BINS}) end as bins "
            "from (select min(duration_us) as shortest_us, max(duration_us) - shortest_us as span_us, "
            "count(*) as converted from durations) as counted"
        )
        # whole microseconds: a time on the edge of two bins is in the later one, whatever the edge is as a float
        named["binned"] = (
            f"select {column}least(coalesce((duration_us - shortest_us) * bins // nullif(span_us, 0), 0), bins - 1) "
            "as bin from durations cross join extent"
        )
        named["averages"] = f"select {column}avg(duration_us) / 1000000 as avg_seconds from durations group by all"
        named["spine"] = (
            "select * from averages cross join (select *, unnest(range(bins)) as bin from extent) as bins_of_extent"
        )
        same = "and binned.breakdown is not distinct from spine.breakdown " if by else ""
        edges = ", ".join(
            f"(shortest_us * bins + (spine.bin + {later}) * span_us) / (bins * 1000000) as {name}"
            for later, name in enumerate(("bin_from_seconds", "bin_to_seconds"))
        )
        return steps(
            **named,
            last=f"select {'spine.breakdown, ' if by else ''}{edges}, count(binned.bin) as users, avg_seconds "
            f"from spine left join binned on spine.bin = binned.bin {same}group by all order by all",
        )
