"""Which drawing fits the answer to a question: one table, for Explore and for figures that say none of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from serving.drawing.numbers import unit_of_column

Question = Mapping[str, Any]
Fitting = tuple[dict[str, Any], dict[str, Any]]
COUNTED = ("count", "uniques", "count_per_unit")


def fitting(question: Question) -> Fitting:
    """The drawing of a question's answer, and what its columns are headed and measured by, as a figure's file has them.

    Raises:
        ValueError: when there is no such kind.
    """
    kind = question.get("kind")
    if not isinstance(kind, str) or kind not in FITTING:
        raise ValueError(f"no drawing fits a question of the kind {kind!r}; there is: {', '.join(FITTING)}")
    return FITTING[kind](question)


def period_of_answer(question: Question) -> Literal["hour", "day", "week", "month"] | None:
    """The period that an answer's rows are of; None where they are of none."""
    kind = question.get("kind")
    name = {"funnel": "trend", "sessions": "summary", "retention": "period", "lifecycle": "period"}.get(str(kind))
    default = "day" if name == "period" else None
    if kind in ("active_users", "conversions", "trends"):
        name, default = "interval", "day"
    if name is None or question.get(name) == "total":
        return None
    period: Literal["hour", "day", "week", "month"] | None = question.get(name, default)
    return period


def _active_users(question: Question) -> Fitting:
    by = {"series": "breakdown"} if question.get("breakdown") else {}
    columns = {"users": {"title": _units(question)}}
    if question.get("interval") != "total":
        return {"as": "lines", "y": ["users"], **by}, columns
    if by:
        return {"as": "ranking", "label": "breakdown", "value": "users", "by_value": True}, columns
    return {"as": "numbers", "values": ["users"]}, columns


def _attribution(question: Question) -> Fitting:
    value = "amount" if question.get("value") else "conversions"
    unit = unit_of_column(str(question["value"])) if question.get("value") else "number"
    columns = {
        "breakdown": {"title": str(question.get("breakdown", "channel")).replace("_", " ").capitalize()},
        **({"amount": {"unit": unit}} if question.get("value") else {}),
    }
    return {"as": "ranking", "label": "breakdown", "value": value, "across": "model", "by_value": True}, columns


def _conversion_paths(question: Question) -> Fitting:
    beside = [
        *(["not_converted"] if question.get("not_converted") else []),
        *(["amount"] if question.get("value") else []),
    ]
    columns: dict[str, Any] = {
        "path": {"title": "Visits"},
        "avg_touches": {"title": "Visits, on average"},
        "avg_seconds": {"title": "Time from the first"},
        **({"amount": {"unit": unit_of_column(str(question["value"]))}} if question.get("value") else {}),
    }
    return {"as": "ranking", "label": "path", "value": "conversions", "beside": [*beside, "avg_seconds"]}, columns


def _conversions(question: Question) -> Fitting:
    if question.get("interval") == "total":
        return {"as": "numbers", "values": ["conversion_rate", "users", "converted", "median_seconds"]}, {}
    return {"as": "lines", "y": ["conversion_rate"]}, {"median_seconds": {"title": "Half of them within"}}


def _funnel(question: Question) -> Fitting:
    if question.get("trend"):
        return {"as": "lines", "y": ["conversion_rate"]}, {}
    if question.get("histogram"):
        columns = {
            "bin_from_seconds": {"title": "From"},
            "bin_to_seconds": {"title": "To"},
            "users": {"title": _units(question)},
            "avg_seconds": {"title": "Mean of all"},
        }
        return {"as": "ranking", "label": "bin_from_seconds", "value": "users"}, columns
    columns = {
        "users": {"title": _units(question)},
        "drop_off": {"title": "Left here"},
        "conversion_rate_from_previous": {"title": "Rate from the step before", "unit": "share"},
        "avg_seconds_from_previous": {"title": "Mean time from the step before"},
        "median_seconds_from_previous": {"title": "Half of them within"},
    }
    return {"as": "funnel", **({"group": "breakdown"} if question.get("breakdown") else {})}, columns


def _lifecycle(question: Question) -> Fitting:
    columns = {"users": {"title": _units(question)}}
    return {"as": "bars", "y": ["users"], "series": "status", "below": ["dormant"]}, columns


def _paths(question: Question) -> Fitting:
    if question.get("whole"):
        columns = {"avg_seconds": {"title": "Mean time from first to last"}}
        return {"as": "ranking", "label": "path", "value": "paths", "beside": ["items", "avg_seconds"]}, columns
    return {"as": "flow"}, {"avg_seconds": {"title": "Mean time between"}}


def _retention(question: Question) -> Fitting:
    later = f"{str(question.get('period', 'day')).capitalize()}s later"
    columns: dict[str, Any] = {"users": {"title": _units(question)}, "period": {"title": later}}
    if question.get("brackets"):
        columns["period_to"] = {"title": "To"}
    if value := question.get("value"):
        columns["value"] = {"unit": unit_of_column(str(value))}
    by = bool(question.get("breakdown"))
    if question.get("summary"):
        return {"as": "lines", "x": "period", "y": ["rate"], **({"series": "breakdown"} if by else {})}, columns
    return {"as": "triangle", **({"group": "breakdown"} if by else {})}, columns


def _sessions(question: Question) -> Fitting:
    if question.get("summary"):
        return {"as": "lines", "y": ["sessions"]}, {"avg_seconds": {"title": "Mean length"}}
    if question.get("distribution"):
        columns = {"bucket_from_seconds": {"title": "As long as, or longer"}}
        return {"as": "ranking", "label": "bucket_from_seconds", "value": "sessions"}, columns
    return {"as": "table"}, {}


def _stickiness(question: Question) -> Fitting:
    periods = f"Active {question.get('period', 'day')}s"
    columns = {"active_periods": {"title": periods}, "users": {"title": _units(question)}}
    return {"as": "bars", "x": "active_periods", "y": ["users"]}, columns


def _trends(question: Question) -> Fitting:
    series: Mapping[str, Mapping[str, Any]] = question.get("series") or {}
    many = len(series) > 1 or question.get("formula") is not None
    by = [*(["series"] if many else []), *(["breakdown"] if question.get("breakdown") else [])]
    name = next(iter(series), "value")
    title = "Value" if by else _measured(name, series.get(name) or {})
    units = {_unit(one) for one in series.values()} if question.get("formula") is None else {"number"}
    unit = units.pop() if len(units) == 1 else "number"
    columns = {"value": {"title": title, "unit": unit}}
    compared = bool(question.get("compare"))
    if compared:
        columns["previous"] = {"title": "Period before", "unit": unit}
    if question.get("interval") == "total":
        previous = {"previous": "previous"} if compared else {}
        if len(by) == 1:
            drawn = {"as": "ranking", "label": by[0], "value": "value", "by_value": by == ["breakdown"]}
            return {**drawn, **({"beside": ["previous"]} if compared else {})}, columns
        return ({"as": "table"} if by else {"as": "numbers", "values": ["value"], **previous}), columns
    if by:
        return {"as": "lines", "y": ["value"], "series": by[0] if len(by) == 1 else by}, columns
    return {"as": "lines", "y": ["value", *(["previous"] if compared else [])]}, columns


def _web_overview(question: Question) -> Fitting:
    previous = {"previous": "previous"} if question.get("compare") else {}
    return {"as": "numbers", "label": "metric", "values": ["value"], **previous}, {}


def _units(question: Question) -> str:
    """What is counted, as a heading."""
    unit = str(question.get("unit", "person"))
    return {"person": "Persons", "account": "Accounts", "session": "Sessions"}.get(
        unit, unit.removeprefix("properties.")
    )


def _unit(series: Mapping[str, Any]) -> str:
    """The unit of what a series measures: that of the property, which its name says."""
    measure = series.get("measure", "count")
    return "number" if measure in COUNTED else unit_of_column(str(series.get("property")))


def _measured(name: str, series: Mapping[str, Any]) -> str:
    measure, event = series.get("measure", "count"), series.get("event_name") or "any event"
    if measure == "count":
        return str(event)
    what = {"uniques": "units of {}", "count_per_unit": "{} for each unit"}.get(measure)
    return what.format(event) if what else f"{measure} of {series.get('property')}"


FITTING: dict[str, Callable[[Question], Fitting]] = {
    "active_users": _active_users,
    "attribution": _attribution,
    "conversion_paths": _conversion_paths,
    "conversions": _conversions,
    "funnel": _funnel,
    "lifecycle": _lifecycle,
    "paths": _paths,
    "retention": _retention,
    "sessions": _sessions,
    "stickiness": _stickiness,
    "trends": _trends,
    "web_overview": _web_overview,
}
