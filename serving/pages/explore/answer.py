"""The answer to a question as a figure that is made for it: drawn as fits it, and explained by its kind."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from serving.ask.kinds import KINDS
from serving.drawing.html import View, view
from serving.drawing.numbers import day_text
from serving.figures import Figure, Source
from serving.figures.figure import Bars, Lines
from serving.figures.fill import Filled, answered, has_values
from serving.figures.fitting import period_of_answer

EMPTY = "No event fits this question yet. `footfall ask --names` lists what there is."
# how kinds are called, and what they answer, in the order in which they are most asked
TITLES = {
    "trends": ("Trends", "How events and amounts move over time"),
    "funnel": ("Funnel", "How far people get, step by step"),
    "retention": ("Retention", "Who comes back, and when"),
    "active_users": ("Active users", "How many are active each day, week or month"),
    "lifecycle": ("Lifecycle", "Who is new, comes back or falls silent"),
    "stickiness": ("Stickiness", "In how many periods people are active"),
    "paths": ("Paths", "What follows what"),
    "conversions": ("Conversions", "How many do it, and how long it takes them"),
    "attribution": ("Attribution", "Which visits a conversion is credited to"),
    "conversion_paths": ("Conversion paths", "By which visits, in their order, people came to convert"),
    "sessions": ("Sessions", "Visits, one by one or summed up"),
    "web_overview": ("Web overview", "Visitors, views, bounce and time"),
}


def figure_of(question: Mapping[str, Any], title: str | None = None) -> Figure:
    """The figure of a question; what begins with `$` in it is a text, and no filter."""
    kind = question["kind"]
    definition = " ".join(str(KINDS[kind].__doc__).split())
    return Figure.model_validate(
        {
            "name": "asked",
            "title": title or title_of_question(question),
            "question": escaped(question),
            "definition": definition,
            "empty": EMPTY,
        }
    )


def escaped(value: Any) -> Any:
    """A question as a figure's file has it, in which a text that begins with `$` is written `$$`."""
    if isinstance(value, Mapping):
        return {key: escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [escaped(inner) for inner in value]
    return f"${value}" if isinstance(value, str) and value.startswith("$") else value


def answer_of(question: dict[str, Any], source: Source) -> tuple[Filled, View]:
    """Ask a question, and say what is shown of its answer.

    Raises:
        AskError: when it is wrong, or names what no event has.
    """
    figure = figure_of(question)
    filled = Filled(figure, figure.title, source.filters(), "day", _scope(question, source))
    filled = answered(filled, question, source)
    if not filled.rows or (isinstance(figure.draw, Lines | Bars) and not has_values(filled)):
        filled = replace(filled, empty=EMPTY)
    # what its reader should know stands above it, and not once more below
    return filled, view(replace(filled, warnings=()), source)


def title_of_question(question: Mapping[str, Any]) -> str:
    """What is seen, in a line."""
    kind, period = question["kind"], period_of_answer(question)
    by = f", by {period}" if period else ""
    if broken := question.get("breakdown"):
        by += f" and {_name(broken)}" if by else f", by {_name(broken)}"
    if kind == "funnel":
        steps = [_event(step) for step in question.get("steps") or []]
        ends = f"From {steps[0]} to {steps[-1]}" if len(steps) > 1 else "Funnel"
        what = {"trend": "", "histogram": ": how long it takes"}
        return ends + next((words for key, words in what.items() if question.get(key)), "") + by
    if kind == "trends":
        series = question.get("series") or {}
        # a name of somebody's own says more than what is measured; a letter says nothing
        told = [name if len(series) > 1 and len(name) > 1 else _series(one) for name, one in series.items()]
        return (question.get("formula") or ", ".join(dict.fromkeys(told)) or "Trends") + by
    if kind == "attribution":
        return f"What {_event(question.get('event'))} is credited to{by}"
    if kind == "conversion_paths":
        return f"Which visits led to {_event(question.get('event'))}{by}"
    if kind == "conversions":
        return f"How many do {_event(question.get('event'))}{by}"
    if kind == "paths":
        start, end = question.get("start"), question.get("end")
        ends = f" from {start}" if start else ""
        return f"Paths by {_name(question.get('item', 'event_name'))}{ends}{f' to {end}' if end else ''}"
    if kind == "retention":
        start, back = question.get("start_event"), question.get("return_event")
        who = f"who does {_event(back)}" if back else "who comes back"
        words = f"after {_event(start)}, {who}" if start else who
        return f"{words[0].upper()}{words[1:]}{by}"
    of = f": {_event(question['event'])}" if question.get("event") else ""
    return f"{TITLES[kind][0]}{of}{by}"


def _series(one: Mapping[str, Any]) -> str:
    measure, event = one.get("measure", "count"), _event(one)
    if measure == "count":
        return event
    if measure == "uniques":
        return f"who did {event}"
    return f"{event} each" if measure == "count_per_unit" else f"{measure} of {_name(one.get('property'))}"


def _event(selector: Any) -> str:
    name = selector.get("name") or selector.get("event_name") if isinstance(selector, Mapping) else None
    return str(name) if name else "any event"


def _name(key: Any) -> str:
    if isinstance(key, list):
        return " and ".join(map(_name, key))
    return str(key).removeprefix("properties.").removeprefix("context.").replace(".", " ").replace("_", " ")


def _scope(question: Mapping[str, Any], source: Source) -> str:
    """Of what the answer is, in words."""
    app = question.get("app") or source.only_app
    parts = [f"app {app}" if app else "all apps"]
    data = source.data_of(app)
    first, last = (_day(question.get(key)) for key in ("date_from", "date_to"))
    if data is not None:
        parts.append(f"{first or day_text(data.first_day)} – {last or day_text(data.last_day)}")
    if question.get("where"):
        parts.append(", ".join(f"{_name(key)}" for key in question["where"]) + " filtered")
    if (unit := question.get("unit", "person")) != "person":
        parts.append(f"by {_name(unit)}")
    return ", ".join(parts)


def _day(said: Any) -> str | None:
    if not isinstance(said, str) or not said:
        return None
    return day_text(date.fromisoformat(said[:10])) + (f" {said[11:16]}" if len(said) > len("2026-01-31") else "")


def compact(question: Mapping[str, Any]) -> str:
    """A question as an address has it."""
    return json.dumps(question, ensure_ascii=False, separators=(",", ":"))


def command(question: Mapping[str, Any]) -> str:
    """The same question in a shell."""
    return f"footfall ask {shlex.quote(json.dumps(question, ensure_ascii=False))}"


def starting(
    kind: str, source: Source, of_app: Callable[[str | None], list[str]], carried: Mapping[str, Any]
) -> dict[str, Any]:
    """A question of a kind to begin with, made of what the data have; `carried` is what the one before was of."""
    kept = {key: carried[key] for key in ("app", "date_from", "date_to", "where", "unit") if carried.get(key)}
    if not carried and len(source.apps) > 1:
        # the apps of a home may have lived in different years
        kept["app"] = max(source.apps, key=lambda app: (source.apps[app].events, app))
    app = kept.get("app")
    events = of_app(app)
    named = [one for one in events if one != "page_view"] or events
    event = {"event_name": named[0]} if named else {}
    # as dashboards begin
    filters, data = source.filters(app if app in source.apps else None), source.data_of(app)
    period = filters.period
    if data is not None and filters.date_from > data.first_day and not {"date_from", "date_to"} & kept.keys():
        kept["date_from"] = filters.date_from.isoformat()
    beginnings: dict[str, dict[str, Any]] = {
        "trends": {"series": {"A": event}, "interval": period},
        "funnel": {"steps": [{"event_name": name} for name in named[:2]] if len(named) > 1 else [event, event]},
        "retention": {"period": period},
        "active_users": {"interval": period},
        "lifecycle": {"period": period},
        "stickiness": {"period": "week" if period == "day" else period},
        "paths": {"max_steps": 4},
        "conversions": {"event": event, "interval": period},
        "attribution": {"event": event},
        "conversion_paths": {"event": event},
        "sessions": {"summary": period},
        "web_overview": {"compare": "previous_period"},
    }
    said = {"kind": kind, **beginnings[kind], **kept}
    defaults = {"interval": "day", "period": "day"}
    return {key: value for key, value in said.items() if defaults.get(key) != value}
