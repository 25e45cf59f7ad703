"""The analyses that people name in seeds/, checked before a number is computed, as the models take them.

An error names the seed, the row, the column, the fault and the mend.
"""

import json
import re
from typing import Any, NoReturn

import duckdb

from ingest.conditions import TIMES, as_amount, condition, event_value, time_condition
from ingest.envelope import literal

Row = dict[str, Any]
Seeds = dict[str, list[Row]]

LOCAL_TIME = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?"
COMPARISONS = ("gt", "gte", "lt", "lte", "eq", "ne")
OPERATORS = ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "contains", "not_contains", "regex", "is_set")
DAY_SECONDS = 86400
# as long as anything can have happened, and as often
MOST_DAYS = 100_000
MOST_TIMES = 999_999_999


class SeedError(Exception):
    """A row of a seed that says nothing legal."""


def configured(kind: str, seeds: str, local_times: str) -> str:
    """Return, as JSON, what the seeds name of a kind, or the fault of the first row that is not legal.

    What is to be asked of an event is SQL over the columns of stg_events: of an analysis its `unit` (null for persons,
    whom an event gets only when it is read), `may_name` and `amount` (null for none), of a selector its `condition`.

    Args:
        kind: `cohorts`, `funnels`, `retentions`, `conversions`, `paths`, or `analyses` for all that events are picked
            for.
        seeds: the rows by the name of their seed, as JSON: texts, each with the `seed` and the `number` of its row.
        local_times: the SQL of each of TIMES in the reporting time zone, in which conditions are written, as JSON.
    """
    rows: Seeds = json.loads(seeds)
    local: dict[str, str] = json.loads(local_times)
    try:
        found = [named for read in KINDS[kind] for named in read(rows)]
    except SeedError as fault:
        return json.dumps({"fault": str(fault)})
    for named in found if kind != "paths" else ():
        (_tell_criteria if kind == "cohorts" else _tell_events)(named, local)
    return json.dumps({"found": found})


def _tell_events(named: Row, local: dict[str, str]) -> None:
    """Add to an analysis the SQL that tells its events."""
    scope = named["scope"]
    units = {"person": "null::varchar", "account": "account_id"}
    named["unit"] = units.get(scope["unit"]) or event_value(scope["unit"])
    named["amount"] = None if named["value"] is None else as_amount(event_value(named["value"]))
    for selector in named["selectors"]:
        selector["condition"] = _selects(selector, local)
    named["may_name"] = _may_name(named, local)


def _may_name(named: Row, local: dict[str, str]) -> str:
    """The condition that an event has the unit and may be named, beside what person days tell the analysis.

    Of a selector its event's name is enough: conditions on properties cost the most, and are left for the parts.
    """
    scope = named["scope"]
    is_known = "(user_id is not null or anonymous_id is not null)"
    tests = [is_known if scope["unit"] == "person" else f"{named['unit']} is not null"]
    if scope["app"] is not None:
        tests.append(f"app = {literal(scope['app'])}")
    tests.append(_fulfils(scope["where"], local))
    if not named["is_whole"]:
        names = [
            selector["condition"]
            if selector["event_name"] is None
            else f"event_name = {literal(selector['event_name'])}"
            for part, selector in enumerate(named["selectors"], start=1)
            if part not in named["parts_by_days"]
        ]
        tests.append(f"({' or '.join(['false', *names])})")
    return f"({' and '.join(tests)})"


def _selects(selector: Row, local: dict[str, str]) -> str:
    """The condition that a selector selects an event."""
    if selector["event_name"] is None and not selector["where"]:
        return str(selector["blank"])
    name = "true" if selector["event_name"] is None else f"event_name = {literal(selector['event_name'])}"
    return f"({name} and {_fulfils(selector['where'], local)})"


def _fulfils(where: Row, local: dict[str, str]) -> str:
    """The condition that an event fulfils all of a where."""
    tests = []
    for key, operators in where.items():
        if key in local:
            tests.append(time_condition(local[key], operators, literal))
        else:
            tests.append(condition(event_value(key), operators, literal))
    return " and ".join(tests) or "true"


def funnels(seeds: Seeds) -> list[Row]:
    """The funnels of the seeds funnels, funnel_steps and funnel_exclusions."""
    spellings = _spellings(seeds)
    found: dict[str, Row] = {}
    for row in seeds["funnels"]:
        name = _new_name(row, "funnel", found)
        found[name] = {
            "kind": "funnel",
            "name": name,
            "parts_by_days": [],
            "row": row,
            "scope": _scope(row),
            "order": _one_of(row, "step_order", ["ordered", "strict", "unordered"], "ordered"),
            "window_seconds": _whole_number(row, "conversion_window_seconds", 1209600),
            "count": _one_of(row, "count", ["units", "attempts"], "units"),
            "trend": _one_of(row, "trend", ["day", "week", "month"], None),
            "steps": [],
            "optional_steps": [],
            "exclusions": [],
            "selectors": [],
            "is_whole": row["step_order"] == "strict",
            "value": None,
        }
    for row in seeds["funnel_steps"]:
        named = _funnel_of(row, found)
        steps = named["steps"]
        if _whole_number(row, "step", None) != len(steps) + 1:
            _refuse(
                row,
                "step",
                f"'{row['step']}' does not follow. Number the steps of a funnel 1, 2, 3 … in their order, "
                "one row below the other.",
            )
        if _one_of(row, "optional", ["true", "false"], "false") == "true":
            if not steps:
                _refuse(
                    row,
                    "optional",
                    "the first step opens the funnel and cannot be optional. Write false, or begin with another step.",
                )
            if named["order"] == "unordered":
                _refuse(
                    row,
                    "optional",
                    "in an unordered funnel step k counts who did any k steps, so that none is left out. "
                    "Write false, or make `step_order` ordered.",
                )
            named["optional_steps"].append(len(steps) + 1)
        named["selectors"].append(_selector(row, "event_name", "event_where", spellings))
        is_first_ever = _one_of(row, "occurrence", ["any", "first_ever"], "any") == "first_ever"
        steps.append({"name": row["step_name"] or row["event_name"] or "any event", "is_first_ever": is_first_ever})
    for row in seeds["funnel_exclusions"]:
        named = _funnel_of(row, found)
        first, last, steps = _whole_number(row, "from_step", None), _whole_number(row, "to_step", None), named["steps"]
        if not first < last <= len(steps):
            _refuse(
                row,
                "to_step",
                f"an exclusion reaches from one step to a later one of the {len(steps)} steps, "
                f"not from {row['from_step']} to {row['to_step']}.",
            )
        named["exclusions"].append({"from_step": first, "to_step": last})
        named["selectors"].append(_selector(row, "event_name", "event_where", spellings))
    for named in found.values():
        steps = named["steps"]
        if not 2 <= len(steps) <= 50:
            _refuse(
                named["row"],
                "funnel",
                f"it has {len(steps)} steps in seeds/funnel_steps.csv. A funnel has 2 to 50.",
            )
    for named in found.values():
        if named["order"] == "unordered":
            _check_unordered(named)
            for number, step in enumerate(named["steps"], start=1):
                step["name"] = f"Completed {number} step{'' if number == 1 else 's'}"
    return list(found.values())


def _check_unordered(named: Row) -> None:
    different: list[Row] = []
    for selector in named["selectors"][: len(named["steps"])]:
        if selector not in different:
            different.append(selector)
    for selector in different:
        if sum(other["event_name"] in (selector["event_name"], None) for other in different) > 5:
            _refuse(
                named["row"],
                "step_order",
                f"more than 5 different steps share the events named {selector['event_name'] or 'anyhow'}, which an "
                "unordered funnel cannot tell apart. Give them event names of their own, or write ordered.",
            )


def _funnel_of(row: Row, found: dict[str, Row]) -> Row:
    name = _required_text(row, "funnel")
    if name not in found:
        known = ", ".join(found) or "none"
        _refuse(
            row,
            "funnel",
            f"'{name}' is not in seeds/funnels.csv, which has {known}. Add it there, or mend the name.",
        )
    return found[name]


def retentions(seeds: Seeds) -> list[Row]:
    """The retentions of the seed retentions."""
    spellings = _spellings(seeds)
    found: dict[tuple[str, str], Row] = {}
    for row in seeds["retentions"]:
        name = _required_text(row, "retention")
        period = str(_one_of(row, "period", ["day", "week", "month"], "day"))
        if (name, period) in found:
            _refuse(
                row,
                "retention",
                f"'{name}' by {period} stands in a row above too. One row for each name and period.",
            )
        scope = _scope(row)
        window = _one_of(row, "return_window", ["calendar", "rolling_24h"], "calendar")
        selectors = [
            _selector(row, "start_event_name", "start_where", spellings, "is_activity"),
            _selector(row, "return_event_name", "return_where", spellings, "is_activity"),
        ]
        # any activity of persons by whole days is what person days say, for less
        by_days = row["value"] is None and window == "calendar"
        found[name, period] = {
            "kind": "retention",
            "name": f"{name} by {period}",
            "retention": name,
            "period": period,
            "periods": _whole_number(row, "periods", {"day": 90, "week": 52, "month": 24}[period]),
            "period_seconds": {"day": 1, "week": 7, "month": 30}[period] * DAY_SECONDS,
            "scope": scope,
            "selectors": selectors,
            "parts_by_days": [n for n, s in enumerate(selectors, start=1) if by_days and _is_of_days(scope, s)],
            "is_first_time": _one_of(row, "cohort_rule", ["first_time", "recurring"], "first_time") == "first_time",
            "measure": _one_of(row, "measure", ["exact", "on_or_after", "within"], "exact"),
            "window": window,
            "minimum_occurrences": _whole_number(row, "minimum_occurrences", 1),
            "is_whole": False,
            "value": row["value"],
        }
    return list(found.values())


def conversions(seeds: Seeds) -> list[Row]:
    """The conversions of the seed conversions."""
    spellings = _spellings(seeds)
    found: dict[str, Row] = {}
    for row in seeds["conversions"]:
        name = _new_name(row, "conversion", found)
        if row["event_name"] is None and row["event_where"] is None:
            _refuse(row, "event_name", "it is blank, and so is `event_where`. Name the event that is the conversion.")
        scope = _scope(row)
        activity: Row = {"event_name": None, "where": {}, "blank": "is_activity"}
        begins_with_any = row["from_event_name"] is None and row["from_where"] is None
        found[name] = {
            "kind": "conversion",
            "name": name,
            "scope": scope,
            "selectors": [
                _selector(row, "event_name", "event_where", spellings),
                _selector(row, "from_event_name", "from_where", spellings),
                activity,
            ],
            "parts_by_days": [*([2] if begins_with_any else []), 3] if _is_of_days(scope, activity) else [],
            "is_first_ever": _one_of(row, "occurrence", ["any", "first_ever"], "any") == "first_ever",
            "lookback_days": _whole_number(row, "lookback_days", 30),
            "half_life_days": _whole_number(row, "half_life_days", 7),
            "is_whole": False,
            "value": row["value"],
        }
    return list(found.values())


def paths(seeds: Seeds) -> list[Row]:
    """The paths of the seed paths."""
    found: dict[str, Row] = {}
    for row in seeds["paths"]:
        name = _new_name(row, "path", found)
        found[name] = {
            "name": name,
            "item": _one_of(row, "item", ["page", "event"], "page"),
            "app": row["app"],
            "max_steps": _whole_number(row, "max_steps", 10),
        }
    return list(found.values())


def cohorts(seeds: Seeds) -> list[Row]:
    """The cohorts of the seed cohorts: each with its criteria, which a person fulfils all."""
    spellings = _spellings(seeds)
    found: dict[str, Row] = {}
    for row in seeds["cohorts"]:
        name = _required_text(row, "cohort")
        named = found.setdefault(name, {"name": name, "criteria": []})
        of_person = _where(row, "person_where")
        is_of_events = row["event_name"] is not None or row["event_where"] is not None
        if not is_of_events and not of_person:
            _refuse(
                row,
                "event_name",
                "it is blank, and so are `event_where` and `person_where`. Say what a person did or is.",
            )
        for key in of_person:
            if key in TIMES:
                _refuse(
                    row,
                    "person_where",
                    f"`{key}` is an event's, and no property of a person. Write it in `event_where`.",
                )
        for column in ("at_least", "at_most", "days") if not is_of_events else ():
            if row[column] is not None:
                _refuse(
                    row,
                    column,
                    "it counts events, and the row names none. Name one in `event_name`, or leave it blank.",
                )
        if is_of_events:
            least = _whole_number(row, "at_least", 1, least=0)
            most = _whole_number(row, "at_most", MOST_TIMES, least=0)
            if most < least:
                _refuse(row, "at_most", f"nobody did something at least {least} times and at most {most} times.")
            selector = _selector(row, "event_name", "event_where", spellings)
            days = _whole_number(row, "days", MOST_DAYS)
            named["criteria"].append(
                {"property": None, "selector": selector, "at_least": least, "at_most": most, "days": days}
            )
        named["criteria"] += [{"property": key, "operators": operators} for key, operators in of_person.items()]
    return list(found.values())


def _tell_criteria(cohort: Row, local: dict[str, str]) -> None:
    """Add to the criteria of a cohort the SQL that an event, or a property's value `said`, fulfils."""
    for number, criterion in enumerate(cohort["criteria"], start=1):
        criterion["number"] = number
        if criterion["property"] is None:
            criterion["condition"] = _selects(criterion["selector"], local)
        else:
            criterion["condition"] = condition("said", criterion["operators"], literal)


KINDS = {
    "cohorts": [cohorts],
    "funnels": [funnels],
    "retentions": [retentions],
    "conversions": [conversions],
    "paths": [paths],
    "analyses": [funnels, retentions, conversions],
}


def where_fault(where: object) -> str | None:
    """What is wrong with a `where`, exactly where a question's is refused; None where nothing is."""
    if not isinstance(where, dict):
        return 'It must be a JSON object, as in {"plan": "pro"}.'
    for key, test in where.items():
        if isinstance(test, dict):
            if not test:
                return f'`{key}` has no operator. Write one, as in {{"gte": 10}}.'
            for operator, value in test.items():
                if fault := _operator_fault(f"{key}", operator, value):
                    return fault
        elif isinstance(test, list) and any(isinstance(item, (dict, list)) for item in test):
            return f"`{key}` must hold texts, numbers, true, false or null."
    return None


def _operator_fault(key: str, operator: str, value: object) -> str | None:
    if operator not in OPERATORS:
        return f"`{key}` has the unknown operator `{operator}`. Legal ones: {', '.join(OPERATORS)}."
    if operator in ("in", "not_in") and not isinstance(value, list):
        return f'`{key}.{operator}` must be a list, as in ["pro", "team"].'
    if operator in ("eq", "ne") and isinstance(value, (list, dict)):
        return f"`{key}.{operator}` must be a text, a number, true, false or null."
    if operator in ("gt", "gte", "lt", "lte") and (isinstance(value, bool) or not isinstance(value, (int, float, str))):
        return f"`{key}.{operator}` must be a number or a text."
    if operator in ("contains", "not_contains", "regex") and not isinstance(value, str):
        return f"`{key}.{operator}` must be a text."
    if operator == "is_set" and not isinstance(value, bool):
        return f"`{key}.is_set` must be true or false."
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return f"`{key}.{operator}` must hold texts, numbers, true, false or null."
    return None


def _where(row: Row, column: str) -> Row:
    """The conditions of a column in the vocabulary's `where`, with the short forms written out."""
    if row[column] is None:
        return {}
    try:
        where = json.loads(row[column])
    except ValueError:
        doubled = '"{""plan"": ""pro""}"'
        _refuse(
            row,
            column,
            f"it is no JSON. In CSV every quote inside a quoted field is doubled: {doubled}. Found: {row[column]}",
        )
    if fault := where_fault(where):
        _refuse(row, column, f"{fault} Found: {row[column]}")
    conditions: Row = {}
    for key, test in where.items():
        operators = test if isinstance(test, dict) else {"in" if isinstance(test, list) else "eq": test}
        if operators.get("regex") and not _is_regex(operators["regex"]):
            _refuse(row, column, f"`{key}.regex` is no RE2 expression: {operators['regex']}")
        if key == "person_id":
            _refuse(
                row,
                column,
                "`person_id` is known only after events are picked. Ask for `user_id` or `anonymous_id`.",
            )
        for operator, value in operators.items() if key in TIMES else ():
            if operator != "is_set" and (operator not in COMPARISONS or not re.fullmatch(LOCAL_TIME, str(value))):
                _refuse(
                    row,
                    column,
                    f"`{key}` is a time: compare it by gt, gte, lt, lte, eq or ne with a local time, "
                    'as in {"gte": "2026-01-31"}.',
                )
        conditions[key] = operators
    return conditions


def _is_regex(pattern: str) -> bool:
    query = "select try(regexp_matches('', pattern)) from (select unnest([?::varchar]) as pattern)"
    with duckdb.connect() as connection:
        return connection.execute(query, [pattern]).fetchall() != [(None,)]


def _selector(row: Row, event_column: str, where_column: str, spellings: Row, blank: str = "true") -> Row:
    """The events of one name (blank: of any) that fulfil a where; where both are blank, those of `blank`."""
    name = row[event_column]
    if spellings.get(name, name) != name:
        _refuse(
            row,
            event_column,
            f"'{name}' is a spelling that seeds/event_catalog.csv reports as '{spellings[name]}', "
            f"so no event has this name. Write '{spellings[name]}'.",
        )
    return {"event_name": name, "where": _where(row, where_column), "blank": blank}


def _spellings(seeds: Seeds) -> Row:
    """What an event name that was sent is reported as."""
    return {row["event_name"]: row["canonical_name"] for row in seeds["event_catalog"]}


def _scope(row: Row) -> Row:
    """What an analysis takes from its row whatever its kind: whose events, and of which."""
    unit = row["unit"] or "person"
    if unit not in ("person", "account") and not re.fullmatch(r"properties[.].+", unit):
        _refuse(
            row,
            "unit",
            f"'{unit}' is no unit. Write person, account or properties.<name>; blank means person.",
        )
    return {"app": row["app"], "where": _where(row, "shared_where"), "unit": unit}


def _is_of_days(scope: Row, selector: Row) -> bool:
    return (
        scope["unit"] == "person"
        and not scope["where"]
        and selector["event_name"] is None
        and not selector["where"]
        and selector["blank"] == "is_activity"
    )


def _new_name(row: Row, column: str, found: Row) -> str:
    name = _required_text(row, column)
    if name in found:
        _refuse(row, column, f"'{name}' names a row above too. Give each {column} a name of its own.")
    return name


def _required_text(row: Row, column: str) -> str:
    if row[column] is None:
        _refuse(row, column, "it is blank. Every row needs it.")
    return str(row[column])


def _one_of(row: Row, column: str, legal: list[str], default: str | None) -> str | None:
    text: str | None = row[column]
    if text is not None and text not in legal:
        means = f"blank means {default or 'none'}"
        _refuse(row, column, f"'{text}' is not legal. Write {', '.join(legal)}; {means}.")
    return text or default


def _whole_number(row: Row, column: str, default: int | None, least: int = 1) -> int:
    text = row[column]
    if text is None and default is not None:
        return default
    if not re.fullmatch("0|[1-9][0-9]{0,8}", text or "") or int(text) < least:
        blank = "." if default is None else f", or leave it blank for {default}."
        _refuse(row, column, f"'{text or ''}' is no whole number from {least} to {MOST_TIMES}. Write one{blank}")
    return int(text)


def _refuse(row: Row, column: str, fault: str) -> NoReturn:
    name = next((row[key] for key in ("cohort", "funnel", "retention", "conversion", "path") if row.get(key)), None)
    named = f" ({name})" if name else ""
    raise SeedError(f"seeds/{row['seed']}.csv, row {row['number']}{named}, column `{column}`: {fault}")
