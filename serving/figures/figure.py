"""What a figure's file may say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from serving.ask.vocabulary import nearest
from serving.figures.fitting import fitting

BUNDLED = Path(__file__).parent
# what everything can be filtered by beside the app; to a question each is a property of the event, if it is one
SEGMENTS = ("country", "device_type", "channel")
# a figure's SQL and question take the filters by these names
PARAMETERS = {
    *("app", "by", "period", "segment", "segment_value", "creator", "count_bots", *SEGMENTS),
    *("date_from", "date_to", "days", "first_period", "last_period"),
}
PARAMETER = re.compile(r"\$(\w+)")
Period = Literal["day", "week", "month"]
# what the answer to a question may be by, beside
Shown = Literal["hour", "day", "week", "month"]
Unit = Literal["number", "share", "ratio", "cents", "seconds", "date", "time", "month", "text"]
NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]


class FigureError(ValueError):
    """A figure or dashboard that cannot be drawn: the message names the file, the fault and the mend."""


class NoSuchError(FigureError):
    """There is no figure, dashboard or other thing of this name; the message names the nearest."""


class Said(BaseModel):
    """A part of a figure's or dashboard's file: every key is known, or the file is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Said):
    """How a column is headed and written; both are read off its name where nothing is said."""

    title: str | None = None
    unit: Unit | None = None


class Tiles(Said):
    """The last whole period of each metric, its change against the one before, and its course."""

    kind: Literal["tiles"] = Field(alias="as")


class Numbers(Said):
    """Large numbers: the columns `values` of each row, and their change against the column `previous`."""

    kind: Literal["numbers"] = Field(alias="as")
    label: Name | None = None
    values: Annotated[list[Name], Field(min_length=1)]
    previous: Name | None = None


class Lines(Said):
    """A line over time for each column of `y`, or for each value of `series`; `band` is an interval around it."""

    kind: Literal["lines"] = Field(alias="as")
    x: Name = "period_start"
    y: list[Name] = ["metric_value"]
    series: Name | list[Name] | None = None
    band: tuple[Name, Name] | None = None


class Bars(Said):
    """Bars over time, on each other; the columns, or values of `series`, `below` stand under the line, whatever their
    sign."""

    kind: Literal["bars"] = Field(alias="as")
    x: Name = "period_start"
    y: list[Name] = ["metric_value"]
    below: list[Name] = []
    series: Name | list[Name] | None = None


class Ranking(Said):
    """A list with a bar behind each value; the columns `beside` stand at its right.

    `across` puts the rows of one label side by side, a column for each of its values. `by_value` sorts by the value.
    """

    kind: Literal["ranking"] = Field(alias="as")
    label: Name
    value: Name
    beside: list[Name] = []
    across: Name | None = None
    by_value: bool = False


class Triangle(Said):
    """Cohorts downwards, their age to the right, the share of each cell in one hue; one for each value of `group`."""

    kind: Literal["triangle"] = Field(alias="as")
    group: Name | None = None
    cohort: Name = "cohort_start"
    age: Name = "period"
    value: Name = "rate"
    count: Name = "users"


class Funnel(Said):
    """Steps from top to bottom: the share of the first one, of the one before, and how many left."""

    kind: Literal["funnel"] = Field(alias="as")
    group: Name | None = None
    step: Name = "step_name"
    value: Name = "users"
    rate: Name = "conversion_rate"
    rate_from_previous: Name = "conversion_rate_from_previous"
    seconds: Name | None = "median_seconds_from_previous"


class Bridge(Said):
    """From an opening to a closing value by the changes between, which add up; the rows are in that order."""

    kind: Literal["bridge"] = Field(alias="as")
    label: Name = "label"
    value: Name = "value"
    total: Name = "is_total"


class Intervals(Said):
    """A point with its 95 % interval on each row, around zero, and what it is worth in words."""

    kind: Literal["intervals"] = Field(alias="as")
    label: list[Name]
    value: Name
    low: Name
    high: Name
    verdict: Name | None = None
    beside: list[Name] = []


class Flow(Said):
    """Links from an item to the next, the steps as columns."""

    kind: Literal["flow"] = Field(alias="as")
    step: Name = "step"
    source: Name = "source"
    target: Name = "target"
    value: Name = "paths"


class Table(Said):
    """The rows as they are."""

    kind: Literal["table"] = Field(alias="as")


Drawing = Annotated[
    Tiles | Numbers | Lines | Bars | Ranking | Triangle | Funnel | Bridge | Intervals | Flow | Table,
    Field(discriminator="kind"),
]


class Otherwise(Said):
    """What is read of the same where the figure's own source is not of the filters that are asked for."""

    sql: str | None = None
    question: dict[str, Any] | None = None
    draw: Drawing | None = None
    columns: dict[str, Column] = {}
    definition: str | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Otherwise:
        if (self.sql is None) == (self.question is None):
            raise ValueError("say exactly one of sql and question")
        return self


class Figure(Said):
    """One figure: exactly one of `metrics`, `sql` and `question` says what is read.

    `metrics` are published metrics by their names without `metric_`; `by` draws one of them for each value of a
    segment. `sql` is one select over published relations. Both it and a question's values may name the filters:
    `$app` (null: all apps), `$date_from`, `$date_to` and `$days` of the range, `$period` with `$first_period` and
    `$last_period`, between which the starts of its periods lie, and `$segment`, `$segment_value`; `$country`,
    `$device_type` and `$channel` are null but for the one that is asked for, `$creator` but on a creator's page,
    and `$count_bots` is the setting. A question is of the range and the app, whether it names them or not; a text
    of it that begins with `$$` is one that begins with `$`. A question that says no drawing is drawn as fits it.
    `{period}` in the title is the period that is drawn.
    """

    name: Name = Field(exclude=True)
    title: Annotated[str, Field(min_length=3)]
    metrics: list[Name] = []
    by: Name | None = None
    sql: str | None = None
    question: dict[str, Any] | None = None
    periods: Annotated[list[Period], Field(min_length=1)] = ["day", "week", "month"]
    draw: Drawing
    columns: dict[str, Column] = {}
    cards: list[Name] = []
    definition: str | None = None
    otherwise: Otherwise | None = None
    empty: Annotated[str, Field(min_length=10)]

    @model_validator(mode="before")
    @classmethod
    def _draws_what_fits(cls, said: Any) -> Any:
        if isinstance(said, dict) and "draw" not in said and isinstance(question := said.get("question"), dict):
            try:
                drawing, columns = fitting(question)
                return {**said, "draw": drawing, "columns": {**columns, **(said.get("columns") or {})}}
            except (AttributeError, TypeError) as error:
                # what a question holds is looked at by nobody before it is asked
                raise ValueError(
                    f"no drawing fits a question of this shape ({error}): say `draw`, or mend it"
                ) from None
        return said

    @model_validator(mode="after")
    def _has_one_source(self) -> Figure:
        said = [name for name in ("metrics", "sql", "question") if getattr(self, name)]
        if len(said) != 1:
            raise ValueError(f"say exactly one of metrics, sql and question; this says {', '.join(said) or 'none'}")
        if not (self.metrics or self.cards or self.definition):
            raise ValueError("nothing explains it: name the `cards` of its metrics, or write a `definition`")
        if isinstance(self.draw, Tiles) and not self.metrics:
            raise ValueError("tiles show `metrics`")
        if self.by and (len(self.metrics) != 1 or isinstance(self.draw, Tiles)):
            raise ValueError("`by` draws one metric for each value of a segment: name a single one")
        if unknown := self.parameters - PARAMETERS:
            raise ValueError(f"unknown filter ${', $'.join(sorted(unknown))}; legal: ${', $'.join(sorted(PARAMETERS))}")
        return self

    @property
    def parameters(self) -> set[str]:
        """The filters that its SQL or question names."""
        if self.question is not None:
            return {found[1] for text in _texts(self.question) if (found := PARAMETER.fullmatch(text))}
        return set(PARAMETER.findall(self.sql or ""))

    @property
    def instead(self) -> Figure | None:
        """The figure as it is read `otherwise`."""
        other = self.otherwise
        if other is None:
            return None
        said: dict[str, Any] = {
            "metrics": [],
            "by": None,
            "sql": other.sql,
            "question": other.question,
            "otherwise": None,
        }
        # the columns of an answer are others than those of the mart
        columns = other.columns if other.question else {**self.columns, **other.columns}
        definition = other.definition or self.definition
        cards = [*dict.fromkeys([*self.metrics, *self.cards])]
        more = {"draw": other.draw or self.draw, "columns": columns, "cards": cards, "definition": definition}
        return self.model_copy(update={**said, **more})

    @property
    def is_by_segment(self) -> bool:
        """Whether it reads what is published by segment, of which an app is one."""
        return bool(self.metrics) or "segment" in self.parameters

    @property
    def knows_days(self) -> bool:
        """Whether its rows are those of a range of days, and not of all the time."""
        ranges = {"date_from", "date_to", "days", "first_period", "last_period"}
        return bool(self.metrics) or self.question is not None or bool(ranges & self.parameters)

    @property
    def is_compared(self) -> bool:
        """Whether the period before can stand beside it; columns side by side leave it no place."""
        drawing = self.draw
        is_drawn_with_it = isinstance(drawing, Lines | Bars | Table) or (
            isinstance(drawing, Ranking) and drawing.across is None
        )
        return is_drawn_with_it and self.knows_days

    @property
    def knows_apps(self) -> bool:
        """Whether its rows can be those of one app."""
        return self.is_by_segment or self.question is not None or "app" in self.parameters

    def knows(self, segment: str) -> bool:
        """Whether its rows can be those of one value of a segment; an event has no channel that could be asked for."""
        if self.question is not None:
            return segment != "channel"
        return self.is_by_segment or segment in self.parameters


def _texts(value: Any) -> Iterator[str]:
    """Every text that a question holds as a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def read_figures(folders: Iterable[Path] = ()) -> dict[str, Figure]:
    """The bundled figures and those of other folders, by name, which is that of the file; a later folder wins.

    Raises:
        FigureError: naming the file, the key and the fault.
    """
    paths = {path.stem: path for folder in (BUNDLED, *folders) for path in sorted(folder.glob("*.yml"))}
    return {name: read_figure(path) for name, path in sorted(paths.items())}


def read_figure(path: Path) -> Figure:
    """Read one figure's file; raise FigureError where it is wrong."""
    said = read_yaml(path)
    if "name" in said:
        raise FigureError(f"{path}: `name`: a figure's name is that of its file: leave it out.")
    try:
        return Figure.model_validate({**said, "name": path.stem})
    except ValidationError as error:
        raise FigureError(sentences(path, error)) from None


def nearest_of(wrong: str, legal: Iterable[str]) -> str:
    """Return '; did you mean …? Known: …' for a name that there is not."""
    words = sorted(legal)
    return f"{nearest(wrong, words)} Known: {', '.join(words) or 'none'}."


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raise FigureError where there is none."""
    try:
        said = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # a day that there is not is a ValueError
        raise FigureError(f"{path} cannot be read: {error}") from None
    if not isinstance(said, dict):
        raise FigureError(f"{path} holds no keys: write `title: …` and so on.")
    return said


def sentences(path: Path, error: ValidationError) -> str:
    """What is wrong with a file, a line each."""
    lines = []
    for fault in error.errors():
        place = ".".join(str(step) for step in fault["loc"])
        message = {
            "extra_forbidden": "this key is not known",
            "missing": "this key is missing",
        }.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        lines.append(f"{path}: `{place}`: {message}." if place else f"{path}: {message}.")
    return "\n".join(lines)
