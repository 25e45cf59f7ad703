"""An answer as people read it in a terminal: headings, shares, durations, money with its currency, a triangle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.ask import Answer

GROWING = "*"


@dataclass(frozen=True)
class Read:
    """A table of text.

    Attributes:
        columns: of each its heading, and whether it holds numbers.
        rows: their cells.
        notes: what to say below it.
    """

    columns: list[tuple[str, bool]]
    rows: list[list[str]]
    notes: list[str]


def as_read(answer: Answer, currency: str, width: int) -> Read:
    """An answer as a table of text.

    Args:
        answer: exact, as it stays for programs.
        currency: the reporting currency, which credited money is in. Other money is of many, and has none here.
        width: of the terminal, in characters: what of a triangle is wider is left out, and said.
    """
    from serving.figures.fitting import fitting, period_of_answer

    drawing, said = fitting(answer.question)
    period = period_of_answer(answer.question)
    units = {name: _unit(name, said, answer.question) for name in answer.columns}
    text = _Text(units, currency, period)
    if drawing["as"] == "triangle":
        return _triangle(answer, text, width)
    headings = [(_heading(name, said), _is_number(answer, place)) for place, name in enumerate(answer.columns)]
    rows = [
        [text.of(name, value) for name, value in zip(answer.columns, row, strict=True)]
        for row in _with_metrics(answer, text)
    ]
    return Read(headings, rows, [])


class _Text:
    """Values as text by the units of their columns."""

    def __init__(self, units: dict[str, str], currency: str, period: str | None) -> None:
        self.units, self.currency, self.period = units, currency, period

    def of(self, name: str, value: Any) -> str:
        from serving.drawing.numbers import period_text, value_text
        from serving.figures.fill import moment_of

        if value is None:
            return ""
        unit = self.units[name]
        if unit in ("date", "time") and isinstance(value, str):
            moment = moment_of(value)
            return moment if isinstance(moment, str) else _plain(period_text(moment, self.period or "day"))
        return _plain(value_text(value, unit, self.currency, is_full=unit != "share"))


def _triangle(answer: Answer, text: _Text, width: int) -> Read:
    """Cohorts downwards with their size, their age to the right; a cell that can still grow has a star."""
    at = {name: place for place, name in enumerate(answer.columns)}
    shown = "value" if "value" in at else "rate"
    by = "breakdown" in at
    cells: dict[tuple[Any, Any], dict[int, str]] = {}
    sizes: dict[tuple[Any, Any], str] = {}
    names: dict[int, str] = {}
    is_growing = False
    for row in answer.rows:
        cohort = (row[at["breakdown"]] if by else None, row[at["cohort_start"]])
        grows = not row[at["is_complete"]]
        is_growing |= grows
        said = text.of(shown, row[at[shown]])
        if "period_to" in at and row[at["period_to"]] > row[at["period"]]:
            names[row[at["period"]]] = f"{row[at['period']]}–{row[at['period_to']]}"
        cells.setdefault(cohort, {})[row[at["period"]]] = f"{said}{GROWING}" if grows and said else said
        if row[at["period"]] == 0:
            sizes[cohort] = text.of("users", row[at["users"]])
    ages = sorted({age for row in cells.values() for age in row})
    leading = [*([("", False)] if by else []), ("Cohort", False), ("Size", True)]
    room = (width - 35) // (max((len(cell) for row in cells.values() for cell in row.values()), default=1) + 3)
    notes = [f"{GROWING} can still grow"] if is_growing else []
    if len(ages) > room:
        notes.append(f"{len(ages) - room} later periods are not shown; --output csv has them.")
        ages = ages[:room]
    rows = [
        [
            *([_breakdown(cohort[0])] if by else []),
            text.of("cohort_start", cohort[1]),
            sizes.get(cohort, ""),
            *(row.get(age, "") for age in ages),
        ]
        for cohort, row in cells.items()
    ]
    return Read([*leading, *((names.get(age, str(age)), True) for age in ages)], rows, notes)


def _with_metrics(answer: Answer, text: _Text) -> list[list[Any]]:
    """The rows; those of a web overview have each a unit of its own, which the metric's name says."""
    from serving.drawing.numbers import unit_of_column

    if answer.question["kind"] != "web_overview":
        return answer.rows
    rows = []
    for metric, *values in answer.rows:
        of_metric = _Text({"value": unit_of_column(metric)}, text.currency, None)
        rows.append([metric, *(None if value is None else of_metric.of("value", value) for value in values)])
    return rows


def _unit(name: str, said: dict[str, Any], question: dict[str, Any]) -> str:
    from serving.ask.kinds import KINDS
    from serving.drawing.numbers import unit_of_column

    unit = str(said.get(name, {}).get("unit") or unit_of_column(name))
    # only what is credited is in the reporting currency; events are in their own
    return "number" if unit == "cents" and not KINDS[question["kind"]].credits_visits else unit


def _heading(name: str, said: dict[str, Any]) -> str:
    from serving.drawing.numbers import title_of

    return str(said.get(name, {}).get("title") or title_of(name))


def _plain(text: str) -> str:
    """Text with blanks that a terminal may break at and a person may search for."""
    return text.replace("\u00a0", " ")


def _breakdown(value: Any) -> str:
    return "–" if value is None else str(value)


def _is_number(answer: Answer, place: int) -> bool:
    if answer.question["kind"] == "web_overview":
        return place > 0
    return all(isinstance(row[place], int | float | None) and not isinstance(row[place], bool) for row in answer.rows)
