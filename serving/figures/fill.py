"""The rows of a figure: read from what is published by the filters, and if there are none, why."""

# ruff: noqa: S608 - the names of metrics are those of a figure's file, and held to a pattern; values are bound

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from serving import reader
from serving.ask import AskError, UnseenError
from serving.drawing.numbers import day_text, title_of, unit_of_column
from serving.figures.figure import (
    PARAMETER,
    SEGMENTS,
    Bars,
    Figure,
    FigureError,
    Lines,
    Period,
    Shown,
    Table,
    Tiles,
    Triangle,
)
from serving.figures.filters import PERIODS, Filters, Source
from serving.figures.fitting import period_of_answer
from serving.periods import months_before, period_after, period_of

# what ends SQL that takes no more rows
LIMIT = re.compile(r"\blimit\s+(\d+)\s*;?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Tile:
    """One metric: its last whole period (one under way where there is no other), that before, and its course."""

    metric: str
    card: dict[str, str]
    period: Shown
    start: date | None
    value: float | None
    is_complete: bool
    previous_start: date | None
    previous: float | None
    course: list[tuple[date, float | None, bool]]


@dataclass(frozen=True)
class Filled:
    """A figure with its rows: what a page draws, a reader downloads and a test compares.

    `empty` says why there are no rows, and is null where there are. `asked` is the SQL or the question by which the
    rows were read, with the values of the filters. `before` is the same of the period before, where that is asked for,
    and lies `periods_between` periods earlier. `summary` is the weighted row above a triangle. `warnings` name what
    a question asks for and the data does not have. `is_cut` says that there may be more rows, as many being read as the
    SQL or the question takes.
    """

    figure: Figure
    title: str
    filters: Filters
    period: Shown
    scope: str
    columns: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    cards: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    question: dict[str, Any] | None = None
    summary: list[dict[str, Any]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    is_cut: bool = False
    empty: str | None = None
    before: Filled | None = None
    periods_between: int = 0

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by their columns' names."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def numbers(self) -> list[int]:
        """The places of the columns that hold nothing but numbers."""
        places = range(len(self.columns))
        return [
            place
            for place in places
            if any(row[place] is not None for row in self.rows) and all(is_number(row[place]) for row in self.rows)
        ]

    @property
    def told_apart(self) -> tuple[int, list[int]] | None:
        """The place of a row's first number, and of the columns by which the row is found in another period.

        None where there is no number, or a row is of a day or a moment, which no other period has.
        """
        numbers = self.numbers
        keys = [place for place in range(len(self.columns)) if place not in numbers]
        is_of_a_day = any(unit_of_column(self.columns[place]) in ("date", "time") for place in keys) or any(
            isinstance(row[place], date) for place in keys for row in self.rows
        )
        return None if is_of_a_day or not numbers else (numbers[0], keys)


def is_number(value: Any) -> bool:
    """Whether a value is a number, or an unknown one."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def fill(figure: Figure, source: Source, filters: Filters) -> Filled:
    """Read what a figure shows by these filters, from its own source, or otherwise where that is not of them.

    Raises:
        FigureError: when its SQL or question is wrong.
    """
    filled = _read(figure, source, filters)
    if not filters.compare or filled.empty or not filled.figure.is_compared:
        return filled
    if isinstance(filled.figure.draw, Table) and filled.told_apart is None:
        return filled
    earlier, periods = _before(filled, source)
    return replace(filled, before=_fill(filled.figure, source, earlier), periods_between=periods)


def _read(figure: Figure, source: Source, filters: Filters) -> Filled:
    other = figure.instead
    if other is None or source.everything is None or _cannot(other, source, filters) or _ignores(other, filters):
        return _fill(figure, source, filters)
    if _cannot(figure, source, filters) or _ignores(figure, filters):
        return _fill(other, source, filters)
    filled = _fill(figure, source, filters)
    return filled if filled.empty is None or filters.segment is None else _fill(other, source, filters)


def _before(filled: Filled, source: Source) -> tuple[Filters, int]:
    """The filters of the period before: as many periods as are drawn, or as many days where none are; and how many."""
    filters, period = filled.filters, filled.period
    if not isinstance(filled.figure.draw, Lines | Bars) or period not in PERIODS:
        first, last = filters.date_from - timedelta(days=filters.days), filters.date_from - timedelta(days=1)
        return replace(filters, date_from=first, date_to=last, compare=False), 0
    week_start = str(source.settings.get("week_start", "monday"))
    first, last = (period_of(day, period, week_start) for day in (filters.date_from, filters.date_to))
    if period == "month":
        count = (last.year - first.year) * 12 + last.month - first.month + 1
        begin = months_before(first, count)
    else:
        count = (last - first).days // (7 if period == "week" else 1) + 1
        begin = first - count * (period_after(first, period) - first)
    return replace(filters, date_from=begin, date_to=first - timedelta(days=1), compare=False), count


def _fill(figure: Figure, source: Source, filters: Filters) -> Filled:
    period = filters.drawn_by(figure.periods)
    cards = {name: card for name in [*figure.metrics, *figure.cards] if (card := source.card(name))}
    title = figure.title.replace("{period}", period)
    scope = _scope(figure, filters)
    if PERIODS.index(period) > PERIODS.index(filters.period) and "{period}" not in figure.title:
        scope += f", by {period}"
    filled = Filled(figure, title, filters, period, scope, cards=cards)
    if reason := _cannot(figure, source, filters):
        return replace(filled, empty=reason)
    if source.everything is None:
        return replace(filled, empty=f"Nothing has been published of any event yet. {figure.empty}")
    try:
        if isinstance(figure.draw, Tiles):
            filled = _tiles(filled, source)
        elif figure.question:
            filled = _answer(filled, source)
        else:
            filled = _select(filled, source)
    except (duckdb.CatalogException, UnseenError) as error:
        if source.only_app is None:
            raise FigureError(f"Figure {figure.name}: {error}") from error
        return replace(filled, empty=f"This is not published by app, and this key sees {source.only_app} alone.")
    except (AskError, duckdb.Error, PermissionError) as error:
        raise FigureError(f"Figure {figure.name}: {error}") from error
    if missing := _drawn(figure) - set(filled.columns):
        raise FigureError(
            f"Figure {figure.name} draws {', '.join(sorted(missing))}, which its rows do not have; they have "
            f"{', '.join(filled.columns)}."
        )
    if isinstance(figure.draw, Lines | Bars) and not has_values(filled):
        filled = replace(filled, rows=[])
    if not filled.rows and not filled.tiles:
        filled = replace(filled, empty=_why_empty(filled, source))
    return filled


def has_values(filled: Filled) -> bool:
    """Whether a figure that is drawn as lines or bars has something to draw."""
    drawing = filled.figure.draw
    assert isinstance(drawing, Lines | Bars)
    below = drawing.below if isinstance(drawing, Bars) and not drawing.series else []
    drawn = filled.figure.metrics or [*drawing.y, *below]
    return any(row[name] is not None for row in filled.dicts() for name in drawn)


def metric_sql(metrics: Sequence[str], by: str | None = None) -> str:
    """The select by which metrics are read: a column each, by period, and by segment value."""
    first, *others = metrics
    values = "".join(f", metric_{name}.metric_value as {name}" for name in metrics)
    joins = "".join(f" left join metric_{name} using (period, period_start, segment, segment_value)" for name in others)
    segment = f", metric_{first}.segment_value as {by}" if by else ""
    where = (
        "metric_{0}.segment = $by and ($by <> 'app' or $app is null or metric_{0}.segment_value = $app)"
        if by
        else "metric_{0}.segment = $segment and metric_{0}.segment_value = $segment_value"
    )
    return (
        f"select period_start{segment}{values}, metric_{first}.is_complete from metric_{first}{joins} "
        f"where period = $period and {where.format(first)} "
        f"and period_start between $first_period and $last_period order by period_start{', 2' if by else ''}"
    )


def parameters(filters: Filters, period: Shown, source: Source, by: str | None = None) -> dict[str, Any]:
    """The values of the filters by the names that SQL and questions know them by."""
    segment, value = filters.segment or (("app", filters.app) if filters.app is not None else ("all", "all"))
    data = source.data_of(filters.app)
    first, last = filters.date_from, filters.date_to
    if PERIODS.index(period) > PERIODS.index(filters.period):
        # in a range of weeks, the months that it touches
        first = period_of(first, period, str(source.settings.get("week_start", "monday")))
    if data is not None and last < data.last_day:
        # a period that the range cuts is another than the published one
        last -= period_after(last, period) - last - timedelta(days=1) if period != "month" else timedelta(0)
        if period == "month" and (last + timedelta(days=1)).day != 1:
            last = last.replace(day=1) - timedelta(days=1)
    return {
        "app": filters.app,
        "period": period,
        "segment": segment,
        "segment_value": value,
        "by": by,
        "date_from": filters.date_from,
        "date_to": filters.date_to,
        "first_period": first,
        "last_period": last,
        "days": filters.days,
        "creator": filters.creator,
        "count_bots": bool(source.settings.get("count_bots")),
        **{name: value if segment == name else None for name in SEGMENTS},
    }


def _select(filled: Filled, source: Source) -> Filled:
    figure = filled.figure
    sql = figure.sql or metric_sql(figure.metrics, figure.by)
    known = parameters(filled.filters, filled.period, source, figure.by)
    named = {name: known[name] for name in PARAMETER.findall(sql)}
    cursor = reader.read(source.connection, sql, named)
    columns = [column[0] for column in cursor.description]
    rows = [tuple(_plain(value) for value in row) for row in cursor.fetchall()]
    limit = LIMIT.search(sql)
    is_cut = limit is not None and len(rows) >= int(limit[1])
    return replace(filled, columns=columns, rows=rows, asked=sql.strip(), parameters=named, is_cut=is_cut)


def _answer(filled: Filled, source: Source) -> Filled:
    filters = filled.filters
    known = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in parameters(filters, filled.period, source).items()
    }
    question = {
        "date_from": known["date_from"],
        "date_to": known["date_to"],
        **_named(filled.figure.question or {}, known),
    }
    if filters.app is not None:
        question["app"] = filters.app
    if filters.segment is not None and filters.segment[0] != "app":
        key = f"context.{filters.segment[0]}"
        question["where"] = {**question.get("where", {}), key: filters.segment[1]}
    question = {key: value for key, value in question.items() if value is not None}
    return answered(filled, question, source, allow_unknown=True)


def answered(filled: Filled, question: dict[str, Any], source: Source, *, allow_unknown: bool = False) -> Filled:
    """Put the answer to a question, as it is asked, into a figure: the rows of `ask`, their periods as dates.

    Raises:
        AskError: when the question is wrong, or names what no event has, unless `allow_unknown`.
    """
    answer = source.ask(question, allow_unknown=allow_unknown)
    rows = [
        tuple(
            moment_of(value) if name in ("period_start", "cohort_start") else value
            for name, value in zip(answer.columns, row, strict=True)
        )
        for row in answer.rows
    ]
    summary = []
    if isinstance(filled.figure.draw, Triangle) and not question.get("value"):
        weighted = source.ask({**question, "summary": True}, allow_unknown=allow_unknown)
        summary = [dict(zip(weighted.columns, row, strict=True)) for row in weighted.rows]
    return replace(
        filled,
        columns=answer.columns,
        rows=rows,
        question=question,
        summary=summary,
        warnings=answer.warnings,
        is_cut=answer.is_cut,
        period=period_of_answer(question) or filled.period,
    )


def _tiles(filled: Filled, source: Source) -> Filled:
    tiles, statements = [], []
    for metric in filled.figure.metrics:
        card = source.card(metric)
        if card is None:
            raise FigureError(f"Figure {filled.figure.name}: no metric {metric} is published.")
        sql = metric_sql([metric])
        found = reader.read(source.connection, f"select distinct period from metric_{metric}").fetchall()
        has = [period for period in PERIODS if (period,) in found]
        period: Shown = filled.filters.drawn_by(has) if has else filled.period
        named = parameters(filled.filters, period, source)
        first = named["first_period"]
        # what the first value is compared with may lie before the range
        named["first_period"] = _one_before(_one_before(first, "month"), "month")
        values = {name: named[name] for name in PARAMETER.findall(sql)}
        rows = reader.read(source.connection, sql, values).fetchall()
        statements.append(sql)
        course = [row for row in rows if row[0] >= first]
        if any(value is not None for _, value, _ in course):
            tiles.append(_tile(metric, card, period, filled.filters.period, course, rows))
    columns = ["metric", "period_start", "metric_value", "is_complete"]
    tile_rows = [(tile.metric, *row) for tile in tiles for row in tile.course]
    known = parameters(filled.filters, filled.period, source)
    return replace(
        filled,
        columns=columns,
        rows=tile_rows,
        tiles=tiles,
        asked="; ".join(statements),
        parameters={name: known[name] for name in ("segment", "segment_value", "first_period", "last_period")},
    )


Course = list[tuple[date, float | None, bool]]


def _tile(metric: str, card: dict[str, str], period: Shown, wanted: Period, course: Course, rows: Course) -> Tile:
    told = [row for row in course if row[1] is not None]
    start, value, is_complete = next((row for row in reversed(told) if row[2]), told[-1])
    # a number of a day is compared with the one a whole week or month before, that of a week with four weeks before
    if (period, wanted) == ("week", "month"):
        before = start - timedelta(days=28)
    else:
        before = _one_before(start, wanted if PERIODS.index(period) < PERIODS.index(wanted) else period)
    previous = next((row[1] for row in rows if row[0] == before), None)
    return Tile(metric, card, period, start, value, is_complete, before, previous, course)


def _one_before(start: date, period: Shown) -> date:
    if period == "month":
        first = (start.replace(day=1) - timedelta(days=1)).replace(day=1)
        last_day = (period_after(first, "month") - timedelta(days=1)).day
        return first.replace(day=min(start.day, last_day))
    return start - timedelta(days=1 if period == "day" else 7)


def _drawn(figure: Figure) -> set[str]:
    """The columns that a drawing names, and those that are headed."""
    drawing = figure.draw
    said = drawing.model_dump(exclude={"kind"})
    if isinstance(drawing, Lines | Bars) and figure.metrics:
        said["y"], said["series"] = figure.metrics, figure.by
    if isinstance(drawing, Bars) and drawing.series:
        said.pop("below")
    named = {
        name
        for value in said.values()
        for name in (value if isinstance(value, list | tuple) else [value])
        if isinstance(name, str)
    }
    return named | (set() if isinstance(drawing, Tiles) else set(figure.columns))


def _cannot(figure: Figure, source: Source, filters: Filters) -> str | None:
    """Why a figure cannot be of these filters: what is published by app is not also published by country."""
    segment = filters.segment and title_of(filters.segment[0]).lower()
    # of a home of one app everything is that app's
    is_of_an_app = filters.app is not None and len(source.apps) > 1
    if figure.by and (segment or (is_of_an_app and figure.by != "app")):
        return f"This is published by {title_of(figure.by).lower()} over all apps, and not by another segment too."
    if segment and (is_of_an_app or source.only_app) and figure.is_by_segment:
        return f"This is published by app, and by {segment}, but not by both."
    if figure.question and filters.segment and not figure.knows(filters.segment[0]):
        return f"This is read from events, which have no {segment}: take that filter away."
    return None


def _ignores(figure: Figure, filters: Filters) -> bool:
    """Whether a figure would show more than what is asked for."""
    return (filters.app is not None and not figure.knows_apps) or (
        filters.segment is not None and not figure.knows(filters.segment[0])
    )


def _scope(figure: Figure, filters: Filters) -> str:
    """What the rows are of, in words."""
    parts = [f"app {filters.app}" if filters.app is not None and figure.knows_apps else "all apps"]
    if filters.segment:
        name = title_of(filters.segment[0]).lower()
        parts.append(f"{name} {filters.segment[1]}" if figure.knows(filters.segment[0]) else f"not by {name}")
    return ", ".join(parts)


def _why_empty(filled: Filled, source: Source) -> str:
    data, filters = source.data_of(filled.filters.app), filled.filters
    if data is not None and (filters.date_to < data.first_day or filters.date_from > data.last_day):
        return (
            f"There is no event from {day_text(filters.date_from)} to {day_text(filters.date_to)}; the data reach "
            f"from {day_text(data.first_day)} to {day_text(data.last_day)}."
        )
    if filters.segment and filled.figure.is_by_segment:
        name = title_of(filters.segment[0]).lower()
        return (
            f"Nothing is published here of {name} {filters.segment[1]}: nothing happened, or it is not told by {name}."
        )
    return filled.figure.empty


def _named(value: Any, known: dict[str, Any]) -> Any:
    """A question with the values of the filters in the place of their names."""
    if isinstance(value, dict):
        return {key: _named(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, known) for inner in value]
    if isinstance(value, str) and (found := re.fullmatch(PARAMETER, value)):
        return known[found[1]]
    return value[1:] if isinstance(value, str) and value.startswith("$$") else value


def _plain(value: Any) -> Any:
    """DuckDB's decimals, of which a page and its CSV know nothing, as the numbers that they are."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def moment_of(value: Any) -> Any:
    """The start of a period as a day, or as an hour; an hour that the clocks repeat stays the text that tells which."""
    if not isinstance(value, str):
        return value
    if len(value) == len("2026-01-31"):
        return date.fromisoformat(value)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is None else value
