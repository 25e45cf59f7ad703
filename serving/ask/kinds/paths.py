"""Which items follow which: the links of the paths that units walk."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StrictStr, WithJsonSchema, field_validator, model_validator

from serving.ask.engines import engine, steps
from serving.ask.scope import Answerable, Scope
from serving.ask.vocabulary import Count, Question, Selector

# microseconds are added as integers, so that no order of the rows changes an average
WHOLE = """
    select items, count(*)::bigint as paths, sum(duration_us) / count(*) / 1000000 as avg_seconds
    from links
    group by items
"""
ITEM = re.compile(r"event_name|properties\..+|context\..+")


class Paths(Question):
    """Links from one item to the next, by their place in the path; `paths` counts how many paths hold the link there.

    A path is the sequence of the items of one unit's events in the range (`events`: of any of these selectors; without
    them activity), ties in the order of event ids; events without the item are left out. Per `session` a silence
    strictly longer than `gap_seconds` between two of them ends a path; per `unit` nothing does. (`unit` session, per
    unit, takes the published sessions.) Repeats of an item in a row are one stay, which begins with the first of them;
    an item counts once in a moment, so that A, B and A at one time are A and then B.

    `step` k leads from a path's k-th item to the next. `max_steps` keeps so many items of a path. `start` begins a
    path at its first such item, so that with `max_steps` k + 1 the answer is the next k; `end` ends it at the first
    such item (after the start, where one is named), so that the answer is the last k that lead there. Paths without
    these items are left out. Where both are named, or neither, the first `max_steps` items are kept, from the start.
    `count_from` end keeps the last ones and counts backwards: step -1 arrives at the end, -2 leads to where that began.
    `dropoff` adds a row without a target for the paths that break off after an item; it takes the place of an item.
    `anchor` every: each item that is `start` (without one, `end`) has a path of its own of at most `max_steps` items,
    in which an `end` after the `start` must lie; such paths share items. `whole`: instead of links the paths
    themselves, the `top` most frequent, with their number of items; `avg_seconds` runs from the first arrival to the
    last.
    `avg_seconds` of a link runs from the arrival at the source to the arrival at the target, null for a drop-off.
    """

    kind: Literal["paths"]
    item: Annotated[StrictStr, WithJsonSchema({"type": "string", "pattern": f"^({ITEM.pattern})$"})] = "event_name"
    per: Literal["session", "unit"] = "session"
    gap_seconds: Count = 1800
    max_steps: Annotated[StrictInt, Field(ge=2)] | None = None
    start: StrictStr | None = None
    end: StrictStr | None = None
    collapse_repeats: StrictBool = True
    dropoff: StrictBool = False
    count_from: Literal["start", "end"] = "start"
    anchor: Literal["first", "every"] = "first"
    whole: StrictBool = False
    top: Annotated[Count, Field(le=100_000)] = 100
    events: Annotated[list[Selector], Field(min_length=1)] | None = None

    @field_validator("item")
    @classmethod
    def _names_a_value(cls, item: str) -> str:
        if not ITEM.fullmatch(item):
            raise ValueError("name event_name, properties.<name> or context.<field>")
        return item

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.per == "unit" and "gap_seconds" in self.model_fields_set and self.gap_seconds != 1800:
            raise ValueError("`gap_seconds` cuts paths per session, and `per` is unit: leave one of them out")
        if self.dropoff and (self.end is not None or self.count_from == "end"):
            raise ValueError(
                "`dropoff` shows where paths break off, `end` and `count_from` end show how they arrive: "
                "ask for one of the two"
            )
        if self.anchor == "every" and ((self.start is None and self.end is None) or self.max_steps is None):
            raise ValueError(
                "`anchor` every cuts a path at each `start`, or before each `end`: name one of them, and by "
                "`max_steps` how many items a path has"
            )
        if self.whole and self.dropoff:
            raise ValueError("`whole` shows each path to where it breaks off, `dropoff` is one of links: leave one out")
        if self.top != 100 and not self.whole:
            raise ValueError("`top` says how many whole paths are shown: set `whole` too")
        return self

    @property
    def most_listed(self) -> int | None:
        """Links are all listed."""
        return self.top if self.whole else None

    def compile(self, scope: Scope) -> Answerable:
        """Return the query: `step, source, target, paths, avg_seconds`, or `path, items, paths, avg_seconds`."""
        item = scope.key(self.item)
        chosen = "is_activity" if self.events is None else scope.any_of(self.events)
        columns = {"at_us": "epoch_us(occurred_at)", "event_id": "(event_id, app)", "item": item}
        in_range = (scope.since(self.date_from), scope.until(self.date_to))
        last = "select step, source, target, paths, avg_seconds from paths "
        last += "order by step, target is null, paths desc, source, target"
        if self.whole:
            last = "select array_to_string(items, ' > ') as path, len(items)::bigint as items, paths, avg_seconds "
            last += f"from paths order by paths desc, paths.items limit {self.top}"
        sql = steps(
            items=scope.events(columns, f"{item} is not null", chosen, *in_range),
            links=engine(
                "path_links", events="items",
                gap_us=self.gap_seconds * 1_000_000 if self.per == "session" else None,
                start=None if self.start is None else scope.bind(self.start),
                end=None if self.end is None else scope.bind(self.end),
                max_steps=self.max_steps, collapse_repeats=self.collapse_repeats, dropoff=self.dropoff,
                count_from=self.count_from, anchor=self.anchor, is_whole=self.whole,
            ),
            paths=WHOLE if self.whole else engine("paths", links="links"),
            last=last,
        )  # fmt: skip
        return Answerable(sql)
