"""Charts over time as Vega-Lite, and the script that draws them.

Colours are named (`token:series-1`) and put in by the page, which knows its theme; where each mark lies is worked out
here, so that what is drawn are the rows and nothing is computed in the page.
"""

from __future__ import annotations

import os
from calendar import timegm
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from serving.drawing.numbers import axis_of, period_text, title_of, unit_of_card, unit_of_column, value_text
from serving.drawing.theme import MOST_SERIES
from serving.figures.figure import Bars, Figure, Lines, Shown
from serving.figures.fill import Filled
from serving.figures.filters import Source
from serving.periods import months_before, period_after

# a period by its start, which of an hour is a time, or an age by its number
Place = date | int
# what is lost is drawn in other colours than what is there
BELOW = (6, 8)
Values = dict[Place, float | None]
HEIGHT = 200
MOST_TICKS = 7
# so many lines are named at their ends, where a page has room for it, and by its legend elsewhere
MOST_NAMED_AT_ENDS, MOST_LETTERS, LINE_HEIGHT = 5, 18, 14


@dataclass(frozen=True)
class Series:
    """One line, or one colour of bars: its values by the start of the period."""

    name: str
    unit: str
    values: Values
    colour: str
    is_below: bool = False
    low: Values | None = None
    high: Values | None = None
    open: frozenset[Place] = frozenset()
    # the values of the period before, each where its like stands now
    before: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """A chart's Vega-Lite, what is said of each place on it, and its legend in the order of the last values."""

    spec: dict[str, Any]
    places: list[dict[str, Any]]
    legend: list[tuple[str, str, str]]
    left_out: int


@cache
def script() -> str:
    """The drawing library as one script that sets `vegaEmbed`: made once, and kept in the cache of this user."""
    import vl_convert

    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "footfall"
    path = kept / f"vega-embed-{version('vl-convert-python')}.js"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        made: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    try:
        kept.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(made, encoding="utf-8")
        fresh.replace(path)
    except OSError:
        pass  # a cache that cannot be written is made again each time
    return made


def chart(filled: Filled, source: Source) -> Chart:
    """The chart of a figure that is drawn as lines or bars."""
    drawing = filled.figure.draw
    assert isinstance(drawing, Lines | Bars)
    every = _with_before(filled, source)
    # a line along zero says nothing that the data below the drawing do not
    shown = [one for one in every if any(one.values.values())][:MOST_SERIES] or every[:1]
    starts = sorted({row[drawing.x] for row in placed(filled)})
    is_open = {start: any(start in one.open for one in shown) for start in starts}
    values = (value for one in shown for value in (*one.values.values(), *one.before.values()) if value is not None)
    largest = max(map(abs, values), default=1.0)
    divisor, before, behind = axis_of(largest, shown[0].unit, source.currency)
    if isinstance(drawing, Lines):
        marks = _lines(shown, starts, divisor)
    else:
        marks = _bars(shown, starts, divisor, filled.period)
    ends = _ends(shown, starts, divisor, source.currency) if isinstance(drawing, Lines) else []
    layers = [mark for mark in marks if mark["data"]["values"]] + ends
    layers.append(_hover(starts, filled.period, isinstance(drawing, Bars)))
    axes = {"x": _x_axis(starts, filled.period, isinstance(drawing, Bars)), "y": _y_axis(before, behind)}
    for layer in layers:
        for channel in axes.keys() & layer["encoding"].keys():
            layer["encoding"][channel] |= axes[channel]
    spec = {
        "width": "container",
        "height": HEIGHT,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 0, "right": 8, "top": 8, "bottom": 0},
        "layer": layers,
    }
    axis = title_of_column(filled.figure, drawing.x, source)
    places = [_place(start, shown, filled.period, is_open[start], source.currency, axis) for start in starts]
    return Chart(spec, places, _legend(shown, source.currency), len(every) - len(shown))


def _x_axis(starts: list[Place], period: Shown, is_bars: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": None, "grid": False, "labelOverlap": True, "labelFlush": not is_bars}
    if not all(isinstance(start, date) for start in starts):
        scale: dict[str, Any] = {"zero": False, "nice": False}
        return {"type": "quantitative", "scale": scale, "axis": {**axis, "tickCount": 6, "tickMinStep": 1}}
    # ticks stand where periods do, and are named by them: Vega's own weeks begin on another day
    told = starts[:: -(-len(starts) // MOST_TICKS)]
    at = [(_ms(start) + _ms(_after(start, period))) // 2 if is_bars else _ms(start) for start in told]
    names = [_tick(start, before, period) for before, start in zip([None, *told], told, strict=False)]  # type: ignore[arg-type]
    axis |= {"values": {"expr": str(at)}, "labelExpr": f"{names}[indexof({at}, time(datum.value))]"}
    # the bands of the pointer reach from the first edge to the last
    return {"type": "temporal", "scale": {"type": "utc", "nice": False}, "axis": axis}


def _tick(start: date, before: date | None, period: Shown) -> str:
    if isinstance(start, datetime) and isinstance(before, datetime) and before.date() == start.date():
        return f"{start:%H:%M}"
    if period != "month":
        return f"{start.day} {start:%b}"
    is_of_another_year = before is None or before.year != start.year
    return f"{start:%b %Y}" if is_of_another_year else f"{start:%b}"


def _y_axis(before: str, behind: str) -> dict[str, Any]:
    axis = {"title": None, "tickCount": 4, "labelExpr": _label(before, behind)}
    return {"type": "quantitative", "scale": {"zero": True, "nice": 4}, "axis": axis}


def placed(filled: Filled) -> list[dict[str, Any]]:
    """The rows, each at its place on the axis; an hour that the clocks repeat stands half an hour after the first."""
    drawing, rows = filled.figure.draw, filled.dicts()
    assert isinstance(drawing, Lines | Bars)
    seen: dict[datetime, list[str]] = {}
    for row in rows:
        if isinstance(label := row[drawing.x], str):
            hour = datetime.fromisoformat(label).replace(tzinfo=None)
            labels = seen.setdefault(hour, [])
            labels += [] if label in labels else [label]
            row[drawing.x] = hour + timedelta(minutes=30) * labels.index(label)
    return rows


def _with_before(filled: Filled, source: Source) -> list[Series]:
    """The series of a figure, each with what it was in the period before, where that was asked for."""
    every = series_of(filled, source)
    if filled.before is None:
        return every
    earlier = {one.name: one for one in series_of(filled.before, source)}

    def moved(start: Place) -> Place:
        if not isinstance(start, date) or not filled.periods_between:
            return start
        if filled.period == "month":
            return months_before(start, -filled.periods_between)
        return start + filled.periods_between * (period_after(start, filled.period) - start)

    return [
        replace(one, before={moved(start): value for start, value in earlier[one.name].values.items()})
        if one.name in earlier
        else one
        for one in every
    ]


def series_of(filled: Filled, source: Source) -> list[Series]:
    """The series of a figure's rows: one for each column, or for each value of the columns that name them."""
    figure, drawing, rows = filled.figure, filled.figure.draw, placed(filled)
    assert isinstance(drawing, Lines | Bars)
    by = figure.by or drawing.series
    below = list(drawing.below) if isinstance(drawing, Bars) else []
    columns = [*figure.metrics] if figure.metrics else [*drawing.y, *([] if by else below)]
    band = drawing.band if isinstance(drawing, Lines) else None
    if not by:
        return [
            Series(
                title_of_column(figure, name, source),
                unit_of(figure, name, source),
                {row[drawing.x]: _number(row[name]) for row in rows},
                _hue(name, number, below),
                name in below,
                {row[drawing.x]: _number(row[band[0]]) for row in rows} if band else None,
                {row[drawing.x]: _number(row[band[1]]) for row in rows} if band else None,
                frozenset(row[drawing.x] for row in rows if row.get("is_complete") is False),
            )
            for number, name in enumerate(columns, start=1)
        ]
    found: dict[str, Values] = {}
    under_way: dict[str, set[Place]] = {}
    for row in rows:
        names = [row[one] for one in ([by] if isinstance(by, str) else by)]
        name = ", ".join("not set" if one is None else str(one) for one in names)
        if row.get("is_complete") is False:
            under_way.setdefault(name, set()).add(row[drawing.x])
        found.setdefault(name, {})[row[drawing.x]] = _number(row[columns[0]])
    order = sorted(found, key=lambda name: (name in below, -sum(value or 0 for value in found[name].values()), name))
    unit = unit_of(figure, columns[0], source)
    return [
        Series(
            name,
            unit,
            found[name],
            _hue(name, number, below),
            name in below,
            open=frozenset(under_way.get(name, ())),
        )
        for number, name in enumerate(order, start=1)
    ]


def _hue(name: str, number: int, below: list[str]) -> str:
    return f"series-{BELOW[below.index(name) % len(BELOW)] if name in below else number}"


def unit_of(figure: Figure, name: str, source: Source) -> str:
    """The unit of a column: as the figure says, as the metric's card says, else as its name says."""
    if (said := figure.columns.get(name)) and said.unit:
        return said.unit
    if name in figure.metrics and (card := source.card(name)):
        return unit_of_card(card["unit"])
    return unit_of_column(name)


def title_of_column(figure: Figure, name: str, source: Source) -> str:
    """The heading of a column, by the same order."""
    if (said := figure.columns.get(name)) and said.title:
        return said.title
    if name in figure.metrics and (card := source.card(name)):
        return card["title"]
    return title_of(name)


def _lines(shown: list[Series], starts: list[Place], divisor: float) -> list[dict[str, Any]]:
    whole, unsure, points, bands, before = [], [], [], [], []
    for one in shown:
        last = None
        for place, start in enumerate(starts):
            value, was = one.values.get(start), one.before.get(start)
            if was is not None:
                before.append({"x": _ms(start), "y": was / divisor, "s": one.name})
            if value is None:
                last = None
                continue
            mark = {"x": _ms(start), "y": value / divisor, "s": one.name}
            if start in one.open:
                if last is not None:
                    unsure += [{**last, "run": str(start)}, {**mark, "run": str(start)}]
                points.append(mark)
            else:
                whole.append({**mark, "run": _run(one, starts, place)})
                if _is_alone(one, starts, place):
                    points.append({**mark, "whole": True})
            last = mark
            low, high = (side.get(start) if side else None for side in (one.low, one.high))
            if low is not None and high is not None:
                bands.append({"x": mark["x"], "y": low / divisor, "y2": high / divisor, "s": one.name})
    colour = _colour(shown)
    line = {"type": "line", "strokeWidth": 2, "strokeJoin": "round", "strokeCap": "round"}

    def at(**more: Any) -> dict[str, Any]:
        return {"x": {"field": "x"}, "y": {"field": "y"}, **more}

    # one line is told from its past by its colour, several by how strong theirs is
    past = {"color": {"value": "token:muted"}} if len(shown) == 1 else {"color": colour}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": before},
            "mark": {**line, "strokeWidth": 1.5, "strokeDash": [2, 4], "opacity": 0.75},
            "encoding": at(detail={"field": "s"}, **past),
        }
    ]
    if bands:
        layers.append(
            {
                "data": {"values": bands},
                "mark": {"type": "area", "opacity": 0.16},
                "encoding": at(y2={"field": "y2"}, color=colour),
            }
        )
    layers += [
        {"data": {"values": whole}, "mark": line, "encoding": at(detail={"field": "run"}, color=colour)},
        {
            "data": {"values": unsure},
            "mark": {**line, "strokeDash": [4, 4]},
            "encoding": at(detail={"field": "run"}, color=colour),
        },
        {
            "data": {"values": points},
            "mark": {"type": "point", "size": 42, "filled": True, "fill": "token:ground", "strokeWidth": 2},
            "encoding": at(stroke=colour),
        },
    ]
    return layers


def _ends(shown: list[Series], starts: list[Place], divisor: float, currency: str) -> list[dict[str, Any]]:
    """The names of a few lines at their ends, with their last values, moved apart where they would touch."""
    if not 2 <= len(shown) <= MOST_NAMED_AT_ENDS:
        return []
    known = [value for one in shown for value in (*one.values.values(), *one.before.values()) if value is not None]
    span = (max(0.0, *known) - min(0.0, *known)) / divisor or 1.0
    apart = span * LINE_HEIGHT / HEIGHT
    at: list[dict[str, Any]] = []
    for one, (_, _, text) in zip(shown, _legend(shown, currency), strict=True):
        known_at = [start for start in starts if one.values.get(start) is not None]
        if not known_at:
            continue
        # at the height of the last whole period, whose value it says
        last = next((start for start in reversed(known_at) if start not in one.open), known_at[-1])
        name = one.name if len(one.name) <= MOST_LETTERS else one.name[: MOST_LETTERS - 1] + "…"
        at.append({"y": (one.values[last] or 0.0) / divisor, "s": one.name, "text": f"{name} {text}"})
    at.sort(key=lambda end: -end["y"])
    for above, end in pairwise(at):
        end["y"] = min(end["y"], above["y"] - apart)
    # the lowest may not fall below the axis; what stands above it gives way
    floor = min(0.0, *known) / divisor
    for end, above in pairwise([{"y": floor - apart}, *reversed(at)]):
        above["y"] = max(above["y"], end["y"] + apart)
    values = [{**end, "x": _ms(starts[-1])} for end in at]
    place = {"x": {"field": "x"}, "y": {"field": "y"}}
    mark = {"type": "text", "align": "left", "baseline": "middle", "fontSize": 11}
    return [
        {
            "name": "end_marks",
            "data": {"values": values},
            "mark": {**mark, "dx": 8},
            "encoding": {**place, "text": {"value": "●"}, "color": _colour(shown)},
        },
        {
            "name": "end_names",
            "data": {"values": values},
            "mark": {**mark, "dx": 20},
            "encoding": {**place, "text": {"field": "text"}, "color": {"value": "token:text"}},
        },
    ]


def _run(one: Series, starts: list[Place], place: int) -> str:
    """Which unbroken run of values a place belongs to: a line is never drawn over a hole."""
    while place > 0 and one.values.get(starts[place - 1]) is not None:
        place -= 1
    return str(starts[place])


def _is_alone(one: Series, starts: list[Place], place: int) -> bool:
    beside = [starts[n] for n in (place - 1, place + 1) if 0 <= n < len(starts)]
    return all(one.values.get(start) is None for start in beside)


def _bars(shown: list[Series], starts: list[Place], divisor: float, period: Shown) -> list[dict[str, Any]]:
    bars, before = [], []
    for start in starts:
        left, right = _ms(start), _ms(_after(start, period))
        inset = (right - left) * 0.12
        above = below = 0.0
        for one in shown:
            value = one.values.get(start)
            if not value:
                continue
            size = (-abs(value) if one.is_below else value) / divisor
            base = above if size > 0 else below
            bars.append(
                {
                    "x": left + inset,
                    "x2": right - inset,
                    "y": base,
                    "y2": base + size,
                    "s": one.name,
                    "open": start in one.open,
                }
            )
            above, below = (above + size, below) if size > 0 else (above, below + size)
        if len(shown) == 1 and (was := shown[0].before.get(start)) is not None:
            before.append({"x": left, "x2": right, "y": was / divisor})
    colour = _colour(shown)

    def at(**more: Any) -> dict[str, Any]:
        return {**{channel: {"field": channel} for channel in ("x", "x2", "y", "y2")}, **more}

    return [
        {
            "data": {"values": [bar for bar in bars if not bar["open"]]},
            "mark": {"type": "rect"},
            "encoding": at(color=colour),
        },
        {
            "data": {"values": [bar for bar in bars if bar["open"]]},
            "mark": {"type": "rect", "fillOpacity": 0.25, "strokeDash": [3, 3], "strokeWidth": 1.5},
            "encoding": at(color=colour, stroke=colour),
        },
        {
            "data": {"values": before},
            "mark": {"type": "rule", "color": "token:muted", "strokeWidth": 2, "strokeDash": [2, 3]},
            "encoding": {channel: {"field": channel} for channel in ("x", "x2", "y")},
        },
        {
            "data": {"values": [{"y": 0}]},
            "mark": {"type": "rule", "color": "token:muted", "strokeWidth": 1},
            "encoding": {"y": {"field": "y"}},
        },
    ]


def _hover(starts: list[Place], period: Shown, is_bars: bool) -> dict[str, Any]:
    """A band for each place, over the whole height, which the pointer finds wherever it is."""
    bands = []
    for number, start in enumerate(starts):
        if is_bars:
            left, right = float(_ms(start)), float(_ms(_after(start, period)))
        else:
            half = (_ms(_after(start, period)) - _ms(start)) / 2
            is_alone = len(starts) == 1
            left = _ms(start) - (half if number or is_alone else 0)
            right = _ms(start) + (half if number < len(starts) - 1 or is_alone else 0)
        bands.append({"a": left, "b": max(right, left + 1), "i": number})
    return {
        "data": {"values": bands},
        "params": [
            {"name": "hover", "select": {"type": "point", "fields": ["i"], "on": "pointerover", "clear": "pointerout"}}
        ],
        "mark": {"type": "rect", "fill": "token:muted", "cursor": "default", "tooltip": {"content": "data"}},
        "encoding": {
            "x": {"field": "a"},
            "x2": {"field": "b"},
            "opacity": {"condition": {"param": "hover", "empty": False, "value": 0.12}, "value": 0},
        },
    }


def _place(start: Place, shown: list[Series], period: Shown, is_open: bool, currency: str, axis: str) -> dict[str, Any]:
    """What the pointer is told at a place: every series, the largest first."""
    said = [one for one in shown if start in one.values]
    said.sort(key=lambda one: -(one.values[start] if one.values[start] is not None else float("-inf")))  # type: ignore[operator]
    rows = []
    for one in said:
        text = value_text(one.values[start], one.unit, currency, is_full=True)
        if one.low and one.high and one.low.get(start) is not None:
            low, high = (value_text(side.get(start), one.unit, currency) for side in (one.low, one.high))
            text += f" (95 % interval {low} to {high})"
        rows.append([one.name, text, one.colour])
        if start in one.before:
            was = value_text(one.before[start], one.unit, currency, is_full=True)
            rows.append([f"{one.name}, the period before", was, "before"])
    title = period_text(start, period) if isinstance(start, date) else f"{title_of(axis)} {start:,}"
    return {"x": _ms(start), "title": title, "open": is_open, "rows": rows}


def _legend(shown: list[Series], currency: str) -> list[tuple[str, str, str]]:
    """The series with the values of their last whole periods."""
    told = []
    for one in shown:
        known = [start for start in sorted(one.values) if one.values[start] is not None]
        at = next((start for start in reversed(known) if start not in one.open), known[-1] if known else None)
        told.append((one.name, one.colour, value_text(None if at is None else one.values[at], one.unit, currency)))
    return told


def _colour(shown: list[Series]) -> dict[str, Any]:
    names = [one.name for one in shown]
    return {
        "field": "s",
        "type": "nominal",
        "scale": {"domain": names, "range": [f"token:{one.colour}" for one in shown]},
        "legend": None,
    }


def _label(before: str, behind: str) -> str:
    # ours alone: neither a currency's sign nor a unit comes from an event
    small = "abs(datum.value) < 1000 ? format(datum.value, '~r') : format(datum.value, '.3~s')"
    return f"(datum.value < 0 ? '−' : '') + '{before}' + replace({small}, '−', '') + '{behind}'"


def _ms(start: Place) -> int:
    """Where a place lies on its axis: a day by its milliseconds, an age by itself."""
    return timegm(start.timetuple()) * 1000 if isinstance(start, date) else start


def _after(start: Place, period: Shown) -> Place:
    return period_after(start, period) if isinstance(start, date) else start + 1


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
