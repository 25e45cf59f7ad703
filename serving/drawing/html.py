"""What a figure's template shows: every text is made here, every number is that of a row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from serving.drawing import flow, vega
from serving.drawing.numbers import (
    UNKNOWN,
    change_of,
    change_text,
    day_text,
    month_text,
    period_text,
    title_of,
    unit_of_column,
    value_text,
)
from serving.drawing.theme import heat_step
from serving.figures.figure import (
    Bars,
    Bridge,
    Flow,
    Funnel,
    Intervals,
    Lines,
    Numbers,
    Ranking,
    Table,
    Tiles,
    Triangle,
)
from serving.figures.fill import Filled, Tile, is_number
from serving.figures.filters import Source

FOLDER = Path(__file__).parent
SHOWN = 10
# what a number says little without; that persons are persons is in the label
SHOWN_UNITS = ("kWh", "months", "points")
# a page holds no more rows of a figure than somebody reads; all of them are one question away
MOST_ROWS = 1000


@dataclass(frozen=True)
class Cell:
    """One value of a table: as it is written, as it is, and whether it is a number."""

    text: str
    raw: str
    is_number: bool


@dataclass(frozen=True)
class View:
    """A figure as its template shows it: `kind` names the template's macro, `body` holds what that shows."""

    name: str
    title: str
    scope: str
    kind: str
    body: dict[str, Any]
    definitions: list[tuple[str, str, str]]
    headings: list[str]
    column_names: list[str]
    cells: list[list[Cell]]
    rows: int
    asked: str
    asked_as: str
    spec: dict[str, Any] | None = None
    empty: str | None = None
    notes: list[str] = field(default_factory=list)


def view(filled: Filled, source: Source) -> View:
    """Turn a filled figure into what its template shows."""
    figure, drawing = filled.figure, filled.figure.draw
    definitions = [(name, card["title"], card["definition"]) for name, card in filled.cards.items()]
    if figure.definition:
        definitions.insert(0, ("", "", figure.definition))
    asked = json.dumps(filled.question, indent=1, ensure_ascii=False) if filled.question else filled.asked
    if filled.parameters:
        asked += "\n-- " + ", ".join(f"${name} = {value}" for name, value in sorted(filled.parameters.items()))
    body: dict[str, Any] = {}
    spec, notes = None, [*filled.warnings]
    if filled.empty is None:
        if isinstance(drawing, Lines | Bars):
            chart = vega.chart(filled, source)
            spec = {"spec": chart.spec, "places": chart.places}
            body = {"legend": chart.legend if len(chart.legend) > 1 else [], "last": chart.legend[0]}
            if chart.left_out:
                notes.append(f"Not drawn, but in the data: {chart.left_out} more.")
            if any(place["open"] and any(row[1] != UNKNOWN for row in place["rows"]) for place in chart.places):
                notes.append("Dashed: in progress.")
            if isinstance(drawing, Lines) and drawing.band:
                notes.append("Band: 95 % interval.")
        else:
            body = MAKERS[type(drawing)](filled, source)
        if filled.before is not None:
            notes.append(_said_of_before(filled.before, "Muted:" if spec else "Change against"))
    return View(
        name=figure.name,
        title=filled.title,
        scope=filled.scope,
        kind="empty" if filled.empty else "chart" if spec else drawing.kind,
        body=body,
        definitions=definitions,
        headings=[vega.title_of_column(figure, name, source) for name in filled.columns],
        column_names=filled.columns,
        cells=_cells(filled, source),
        rows=len(filled.rows),
        asked=asked,
        asked_as="question" if filled.question else "SQL",
        spec=spec,
        empty=filled.empty,
        notes=notes,
    )


def _said_of_before(before: Filled, how: str) -> str:
    """What the period before is and how it is shown, or that nothing is known of it."""
    first, last = (day_text(day) for day in (before.filters.date_from, before.filters.date_to))
    if before.empty:
        return f"Nothing is known of the period before, {first} – {last}."
    return f"{how} the period before, {first} – {last}."


def _change(before: Filled, values: dict[Any, Any], key: Any, value: Any, unit: str) -> str:
    """How a value moved since the period before, in words; what is not among all that there was then is new."""
    was = values.get(key)
    change = change_of(None if value is None else float(value), None if was is None else float(was), unit)
    if change is not None:
        return change_text(change, unit)
    return "new" if value is not None and key not in values and not (before.empty or before.is_cut) else UNKNOWN


def read(name: str) -> str:
    """The script or the style by which figures are shown, `figure.js` and `figure.css`: those of every page."""
    return (FOLDER / name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """The templates' environment: everything that is put into one is escaped, whatever it is."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([FOLDER, FOLDER.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["script_json"] = script_json
    made.filters["with_code"] = with_code
    made.filters["day"] = day_text
    return made


def with_code(text: str) -> Markup:
    """A text in which what stands between backticks is code, escaped as all texts are."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def script_json(value: Any) -> Markup:
    """A value as JSON within a script element: no text of it can end the element or begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter, code in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(letter, code)
    return Markup(text)


def _text(filled: Filled, source: Source, name: str, value: Any, *, is_full: bool = False) -> str:
    unit = vega.unit_of(filled.figure, name, source)
    if isinstance(value, date) and not isinstance(value, datetime) and name in ("period_start", "cohort_start"):
        return month_text(value) if filled.period == "month" else day_text(value)
    return value_text(value, unit, source.currency, is_full=is_full)


def _cells(filled: Filled, source: Source) -> list[list[Cell]]:
    columns = []
    for place, name in enumerate(filled.columns):
        values = [row[place] for row in filled.rows[:MOST_ROWS]]
        is_numeric = all(is_number(one) for one in values)
        if filled.tiles and name == "metric_value":
            # the rows of tiles are of several metrics, and so of several units
            texts = [UNKNOWN if one is None else f"{one:,.10g}" for one in values]
        else:
            texts = [_text(filled, source, name, one, is_full=True) for one in values]
        columns.append([Cell(text, raw_text(one), is_numeric) for text, one in zip(texts, values, strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]


def raw_text(value: Any) -> str:
    """A value as other programs read it."""
    if value is None:
        return ""
    return (
        value.isoformat() if isinstance(value, date) else str(value).lower() if isinstance(value, bool) else str(value)
    )


def tile_of(metric: str, label: str, value: Any, unit: str, currency: str = "USD", /, **said: Any) -> dict[str, Any]:
    """A large number as its template shows it, with what else is said of it."""
    return {
        "metric": metric,
        "label": label,
        "value": value_text(value, unit, currency),
        "full": value_text(value, unit, currency, is_full=True),
        "raw": raw_text(value),
        **{"unit": "", "suffix": "", "definition": "", "period": "", "spark": None},
        **{"change": None, "against": None, "tone": "neutral", "words": ""},
        **said,
    }


def _tiles(filled: Filled, source: Source) -> dict[str, Any]:
    return {"tiles": [_tile(tile, vega.unit_of(filled.figure, tile.metric, source), source) for tile in filled.tiles]}


def _tile(tile: Tile, unit: str, source: Source) -> dict[str, Any]:
    change = change_of(tile.value, tile.previous, unit)
    good = tile.card.get("good", "neutral")
    tone = "neutral"
    if change is not None and good in ("up", "down") and "→" not in change_text(change, unit):
        tone = "good" if (change > 0) == (good == "up") else "bad"
    words = {"good": "better", "bad": "worse", "neutral": ""}[tone]
    assert tile.start is not None
    previous = value_text(tile.previous, unit, source.currency, is_full=True)
    return tile_of(
        tile.metric,
        tile.card["title"],
        tile.value,
        unit,
        source.currency,
        unit=tile.card["unit"],
        suffix=tile.card["unit"] if tile.card["unit"] in SHOWN_UNITS else "",
        definition=tile.card["definition"],
        period=period_text(tile.start, tile.period) + ("" if tile.is_complete else ", so far"),
        change=None if change is None else change_text(change, unit),
        tone=tone,
        words=words,
        against=tile.previous_start and f"{previous} in {period_text(tile.previous_start, tile.period)}",
        spark=_spark(tile),
    )


def _spark(tile: Tile) -> dict[str, str] | None:
    """The course as a line of 100 by 28, and the part of it that is under way."""
    told = [(place, value, whole) for place, (_, value, whole) in enumerate(tile.course) if value is not None]
    if len(told) < 2:
        return None
    low, high = min(0.0, *(v for _, v, _ in told)), max(v for _, v, _ in told)
    span, width = (high - low) or 1.0, max(place for place, _, _ in told) or 1
    points = [
        (f"{place / width * 100:.1f},{26 - (value - low) / span * 24:.1f}", whole) for place, value, whole in told
    ]
    whole = [point for point, is_whole in points if is_whole]
    unsure = [*whole[-1:], *(point for point, is_whole in points if not is_whole)]
    return {"whole": " ".join(whole), "unsure": " ".join(unsure) if len(unsure) > 1 else ""}


def _ranking(filled: Filled, source: Source) -> dict[str, Any]:
    drawing = filled.figure.draw
    assert isinstance(drawing, Ranking)
    rows = filled.dicts()
    columns = [(vega.title_of_column(filled.figure, name, source), name) for name in (drawing.value, *drawing.beside)]
    if drawing.across:
        rows, columns = _side_by_side(rows, drawing)
    values = [name for _, name in columns]
    if drawing.by_value:
        rows = sorted(rows, key=lambda row: -float(row[values[0]] or 0))
    largest = max((abs(float(row[values[0]] or 0)) for row in rows), default=0.0) or 1.0

    unit, before = vega.unit_of(filled.figure, drawing.value, source), filled.before
    was = {row[drawing.label]: row[drawing.value] for row in before.dicts()} if before else {}

    def text(name: str, value: Any) -> str:
        return _text(filled, source, name if name in filled.columns else drawing.value, value)

    return {
        "column": drawing.label,
        "heading": vega.title_of_column(filled.figure, drawing.label, source),
        "headings": [heading for heading, _ in columns] + ([] if before is None else ["Change"]),
        "rows": [
            {
                "value": raw_text(row[drawing.label]),
                "label": text(drawing.label, "not set" if row[drawing.label] is None else row[drawing.label]),
                "raw": raw_text(row[values[0]]),
                "share": f"{max(0.0, float(row[values[0]] or 0)) / largest * 100:.1f}",
                "values": [text(name, row[name]) for name in values],
                "change": _change(before, was, row[drawing.label], row[values[0]], unit) if before else None,
            }
            for row in rows[:MOST_ROWS]
        ],
        "shown": SHOWN,
        "total": len(rows),
    }


def _side_by_side(rows: list[dict[str, Any]], drawing: Ranking) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """One row for each label, a column for each value of `across`, in their order."""
    assert drawing.across
    found: dict[Any, dict[str, Any]] = {}
    # names that no column has, so that a value of an event is none of ours
    names = {
        value: f"{drawing.across} {place}" for place, value in enumerate(dict.fromkeys(r[drawing.across] for r in rows))
    }
    for row in rows:
        beside = found.setdefault(
            row[drawing.label], {drawing.label: row[drawing.label], **dict.fromkeys(names.values())}
        )
        beside[names[row[drawing.across]]] = row[drawing.value]
    return list(found.values()), [(title_of(str(value)), name) for value, name in names.items()]


def _numbers(filled: Filled, source: Source) -> dict[str, Any]:
    """Large numbers as tiles, without a course: a tile for each of the values of each row."""
    drawing = filled.figure.draw
    assert isinstance(drawing, Numbers)
    tiles = []
    for row in filled.dicts():
        for name in drawing.values:
            title, unit = vega.title_of_column(filled.figure, name, source), vega.unit_of(filled.figure, name, source)
            if drawing.label:
                title = (
                    title_of(str(row[drawing.label])) if len(drawing.values) == 1 else f"{row[drawing.label]}: {title}"
                )
                # the rows are of several measures, whose names say their units
                unit = unit_of_column(str(row[drawing.label])) if name not in filled.figure.columns else unit
            previous = row[drawing.previous] if drawing.previous else None
            change = change_of(row[name], previous, unit)
            tiles.append(
                tile_of(
                    str(row[drawing.label]) if drawing.label else name,
                    title,
                    row[name],
                    unit,
                    source.currency,
                    definition=filled.figure.definition or "",
                    period="so far" if row.get("is_complete") is False else "",
                    change=None if change is None else change_text(change, unit),
                    against=f"{value_text(previous, unit, source.currency, is_full=True)} in the period before",
                )
            )
    return {"tiles": tiles}


def _triangle(filled: Filled, source: Source) -> dict[str, Any]:
    drawing = filled.figure.draw
    assert isinstance(drawing, Triangle)
    groups: dict[Any, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
    for place, rows in enumerate((filled.dicts(), filled.summary)):
        for row in rows:
            groups.setdefault(row[drawing.group] if drawing.group else None, ([], []))[place].append(row)
    ages = sorted({row[drawing.age] for row in filled.dicts()})

    def cell(row: dict[str, Any] | None) -> dict[str, Any] | None:
        if row is None or row[drawing.value] is None:
            return None
        share, is_open = float(row[drawing.value]), row.get("is_complete") is False
        return {
            "text": f"{share * 100:.0f}",
            "raw": raw_text(row[drawing.value]),
            "full": f"{value_text(row[drawing.count])} · {value_text(share, 'share')}"
            + (", in progress" if is_open else ""),
            "step": heat_step(share),
            "open": is_open,
        }

    def triangle(name: Any, rows: list[dict[str, Any]], summary: list[dict[str, Any]]) -> dict[str, Any]:
        cohorts: dict[Any, dict[Any, dict[str, Any]]] = {}
        for row in rows:
            cohorts.setdefault(row[drawing.cohort], {})[row[drawing.age]] = row
        # the weighted row: a question's summary, or the rows of no cohort
        weighted = cohorts.pop(None, None) or {row[drawing.age]: row for row in summary}
        return {
            "name": "not set" if drawing.group and name is None else name,
            "weighted": [cell(weighted.get(age)) for age in ages] if weighted else None,
            "size": value_text(weighted[min(weighted)][drawing.count]) if weighted else "",
            "rows": [
                {
                    "label": _text(filled, source, drawing.cohort, cohort),
                    "size": value_text(cells[min(cells)][drawing.count]),
                    "cells": [cell(cells.get(age)) for age in ages],
                }
                for cohort, cells in sorted(cohorts.items(), key=lambda item: str(item[0]), reverse=True)
            ],
        }

    return {
        "period": filled.period,
        "counted": vega.title_of_column(filled.figure, drawing.count, source) if filled.question else "Persons",
        "ages": ages,
        "groups": [triangle(name, *of) for name, of in groups.items()],
    }


def _funnel(filled: Filled, source: Source) -> dict[str, Any]:
    drawing = filled.figure.draw
    assert isinstance(drawing, Funnel)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in filled.dicts():
        groups.setdefault(str(row[drawing.group]) if drawing.group else "", []).append(row)
    shown = []
    for name, rows in groups.items():
        steps = []
        for place, row in enumerate(rows):
            rate = row[drawing.rate]
            left = None if place == 0 else int(rows[place - 1][drawing.value] - row[drawing.value])
            seconds = row[drawing.seconds] if drawing.seconds else None
            steps.append(
                {
                    "name": str(row[drawing.step]),
                    "value": value_text(row[drawing.value]),
                    "raw": raw_text(row[drawing.value]),
                    "rate": value_text(rate, "share"),
                    "width": f"{max(0.0, min(1.0, float(rate or 0))) * 100:.2f}",
                    "previous": None if place == 0 else value_text(row[drawing.rate_from_previous], "share"),
                    "left": None
                    if left is None
                    else f"{value_text(left)} left here"
                    if left > 0
                    else "nobody left here",
                    "seconds": None if place == 0 or seconds is None else value_text(float(seconds), "seconds"),
                }
            )
        shown.append({"name": name, "steps": steps})
    return {"groups": shown}


def _bridge(filled: Filled, source: Source) -> dict[str, Any]:
    drawing = filled.figure.draw
    assert isinstance(drawing, Bridge)
    rows, at, bars = filled.dicts(), 0.0, []
    for row in rows:
        value = float(row[drawing.value] or 0)
        start, end = (0.0, value) if row[drawing.total] else (at, at + value)
        at = end
        bars.append((row, value, min(start, end), max(start, end)))
    low, high = min(0.0, *(bar[2] for bar in bars)), max(bar[3] for bar in bars)
    span = (high - low) or 1.0
    return {
        "rows": [
            {
                "label": str(row[drawing.label]),
                "text": ("" if value <= 0 or row[drawing.total] else "+") + text,
                "raw": raw_text(row[drawing.value]),
                "left": f"{(left - low) / span * 100:.2f}",
                "width": f"{max((right - left) / span * 100, 0.3):.2f}",
                "tone": "total" if row[drawing.total] else "good" if value >= 0 else "bad",
            }
            for row, value, left, right in bars
            for text in [_text(filled, source, drawing.value, value)]
        ]
    }


def _intervals(filled: Filled, source: Source) -> dict[str, Any]:
    drawing = filled.figure.draw
    assert isinstance(drawing, Intervals)
    rows = filled.dicts()
    ends = [
        float(row[name]) for row in rows for name in (drawing.low, drawing.high, drawing.value) if row[name] is not None
    ]
    reach = max((abs(end) for end in ends), default=1.0) * 1.05 or 1.0

    def at(value: Any) -> float:
        return (float(value) + reach) / (2 * reach) * 100

    shown = []
    for row in rows:
        known = all(row[name] is not None for name in (drawing.value, drawing.low, drawing.high))
        shown.append(
            {
                "labels": [_text(filled, source, name, row[name]) for name in drawing.label],
                "text": _text(filled, source, drawing.value, row[drawing.value]),
                "raw": raw_text(row[drawing.value]),
                "interval": " to ".join(_text(filled, source, name, row[name]) for name in (drawing.low, drawing.high))
                if known
                else "",
                "left": f"{at(row[drawing.low]):.2f}" if known else None,
                "width": f"{at(row[drawing.high]) - at(row[drawing.low]):.2f}" if known else None,
                "point": f"{at(row[drawing.value]):.2f}" if known else None,
                "tone": _tone(row, drawing) if known else "neutral",
                "verdict": str(row[drawing.verdict]) if drawing.verdict and row[drawing.verdict] is not None else "",
                "beside": [_text(filled, source, name, row[name]) for name in drawing.beside],
            }
        )
    return {
        "headings": [vega.title_of_column(filled.figure, name, source) for name in drawing.label],
        "value": vega.title_of_column(filled.figure, drawing.value, source),
        "beside": [vega.title_of_column(filled.figure, name, source) for name in drawing.beside],
        "rows": shown,
    }


def _tone(row: dict[str, Any], drawing: Intervals) -> str:
    """What a row is worth: its verdict where there is one, which heeds more than the interval does."""
    if drawing.verdict:
        return {"winner": "good", "loser": "bad"}.get(str(row[drawing.verdict]), "neutral")
    return "good" if row[drawing.low] > 0 else "bad" if row[drawing.high] < 0 else "neutral"


def _table(filled: Filled, source: Source) -> dict[str, Any]:
    """The change of the first number of each row, told by the row's texts and days."""
    before = filled.before
    if before is None or filled.told_apart is None:
        return {"shown": SHOWN, "changes": []}
    value, keys = filled.told_apart
    unit = vega.unit_of(filled.figure, filled.columns[value], source)
    was = {tuple(row[place] for place in keys): row[value] for row in before.rows}
    rows = [(tuple(row[place] for place in keys), row[value]) for row in filled.rows[:MOST_ROWS]]
    return {
        "shown": SHOWN,
        "heading": f"{vega.title_of_column(filled.figure, filled.columns[value], source)}: change",
        "changes": [_change(before, was, key, number, unit) for key, number in rows],
    }


def _flow(filled: Filled, source: Source) -> dict[str, Any]:
    drawing = filled.figure.draw
    assert isinstance(drawing, Flow)
    rows = [row for row in filled.dicts() if row[drawing.source] is not None and row[drawing.target] is not None]
    # steps that are counted from the end are below zero: the last ones are shown
    first = max(min((row[drawing.step] for row in rows), default=1), -flow.MOST_STEPS + 1)
    links = [
        (
            int(row[drawing.step] - first + 1 if first < 0 else row[drawing.step]),
            str(row[drawing.source]),
            str(row[drawing.target]),
            float(row[drawing.value]),
        )
        for row in rows
    ]
    return flow.layout(links)


MAKERS: dict[type, Any] = {
    Tiles: _tiles,
    Numbers: _numbers,
    Ranking: _ranking,
    Triangle: _triangle,
    Funnel: _funnel,
    Bridge: _bridge,
    Intervals: _intervals,
    Flow: _flow,
    Table: _table,
}
