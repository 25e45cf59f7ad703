"""What seeds/ name says the same in the marts as when it is asked; a slip in a seed is an error that helps."""

import csv
import json
import random
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

import ingest
from serving.ask import ask
from tests.end_to_end.dbt_project import build_models, copy_project, environment, run_dbt
from tests.end_to_end.histories import history

SETTINGS = {"FOOTFALL_REPORTING_TIMEZONE": "Europe/Berlin", "FOOTFALL_WEEK_START": "sunday"}

# each funnel with its question: the seeds' rows are written from it, so that one of the two cannot be forgotten
FUNNELS: dict[str, dict[str, Any]] = {
    "ordered": {
        "steps": [{"event_name": "page_view"}, {"event_name": "click", "optional": True}, {"event_name": "scroll"}],
        "exclusions": [{"event_name": "refund", "from_step": 1, "to_step": 3}],
        "trend": "week",
    },
    "strict": {"steps": [{"event_name": "page_view"}, {"event_name": "click"}], "order": "strict", "trend": "day"},
    "unordered": {
        "steps": [{"event_name": "click"}, {"event_name": "page_view"}, {}],
        "order": "unordered",
        "trend": "month",
    },
    "attempts": {
        "steps": [{}, {"event_name": "order_completed", "where": {"amount_cents": {"gte": 3}}}],
        "conversion_window_seconds": 3600,
        "count": "attempts",
        "app": "shop",
    },
    "first clicks": {
        "steps": [{"event_name": "click", "occurrence": "first_ever"}, {"event_name": "click"}],
        "where": {"context.country": ["DE", "FR"]},
        "trend": "month",
    },
    "cents of a page": {
        "steps": [{"event_name": "page_view", "where": {"context.page_url": {"contains": "shop"}}}, {}],
        "unit": "properties.amount_cents",
    },
}
RETENTIONS: dict[str, dict[str, Any]] = {
    "any": {"period": "day", "periods": 40, "cohort_rule": "first_time"},
    "any of an app": {"period": "week", "periods": 6, "cohort_rule": "recurring", "measure": "within", "app": "shop"},
    "after a click": {
        "period": "month",
        "periods": 3,
        "cohort_rule": "first_time",
        "measure": "on_or_after",
        "start_event": {"event_name": "click"},
    },
    "orders": {
        "period": "week",
        "periods": 5,
        "cohort_rule": "recurring",
        "start_event": {"event_name": "page_view"},
        "return_event": {"event_name": "order_completed", "where": {"amount_cents": {"lt": "8"}}},
        "value": "amount_cents",
        "minimum_occurrences": 2,
    },
    "rolling": {
        "period": "day",
        "periods": 9,
        "cohort_rule": "first_time",
        "window": "rolling_24h",
        "return_event": {"event_name": "scroll"},
        "where": {"context.device_type": {"ne": "mobile"}},
    },
}
CONVERSIONS: dict[str, dict[str, Any]] = {
    "order": {"event": {"event_name": "order_completed"}},
    "order of a visitor": {"event": {"event_name": "order_completed"}, "from": {"event_name": "page_view"}},
    "click of an app": {"event": {"event_name": "click"}, "app": "shop"},
    "click from somewhere": {"event": {"event_name": "click"}, "where": {"context.country": {"is_set": True}}},
}
PATHS: dict[str, dict[str, Any]] = {
    "pages": {"item": "context.page_url", "events": [{"event_name": "page_view"}], "max_steps": 10},
    "events of an app": {"item": "event_name", "app": "shop", "max_steps": 3},
}


def as_json(value: object) -> str:
    return json.dumps(value) if value else ""


def selector(question: dict[str, Any], key: str) -> tuple[str, str]:
    chosen = question.get(key, {})
    return chosen.get("event_name", ""), as_json(chosen.get("where"))


def write(path: Path, rows: list[tuple[object, ...]]) -> None:
    """The rows under the header that the seed already has."""
    header = path.read_text().splitlines()[0]
    with path.open("w", newline="") as file:
        file.write(header + "\n")
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_seeds(seeds: Path) -> None:
    funnels, steps, exclusions = [], [], []
    for name, asked in FUNNELS.items():
        shared = (asked.get("app"), as_json(asked.get("where")), asked.get("unit"))
        rules = (asked.get("order"), asked.get("conversion_window_seconds"), asked.get("count"), asked.get("trend"))
        funnels.append((name, *shared, *rules))
        for number, step in enumerate(asked["steps"], start=1):
            where = as_json(step.get("where"))
            is_optional = "true" if step.get("optional") else ""
            steps.append((name, number, "", step.get("event_name"), where, is_optional, step.get("occurrence")))
        for each in asked.get("exclusions", []):
            exclusions.append((name, each["event_name"], "", each["from_step"], each["to_step"]))
    write(seeds / "funnels.csv", funnels)
    write(seeds / "funnel_steps.csv", steps)
    write(seeds / "funnel_exclusions.csv", exclusions)
    write(
        seeds / "retentions.csv",
        [
            (
                *(name, asked["period"], asked["periods"], asked.get("app"), as_json(asked.get("where")), None),
                *(*selector(asked, "start_event"), *selector(asked, "return_event"), asked["cohort_rule"]),
                *(asked.get(key) for key in ("measure", "window", "minimum_occurrences", "value")),
            )
            for name, asked in RETENTIONS.items()
        ],
    )
    write(
        seeds / "conversions.csv",
        [
            (
                *(name, asked.get("app"), as_json(asked.get("where")), None),
                *(*selector(asked, "event"), *selector(asked, "from"), None, "amount_cents", None, None),
            )
            for name, asked in CONVERSIONS.items()
        ],
    )
    items = {"context.page_url": "page", "event_name": "event"}
    write(
        seeds / "paths.csv",
        [(name, items[asked["item"]], asked.get("app"), asked["max_steps"]) for name, asked in PATHS.items()],
    )
    write(seeds / "cohorts.csv", [tuple(row) for row in COHORTS])


def plain(event: dict[str, Any]) -> dict[str, Any]:
    """An event of a person on a page without parameters: a question takes addresses as they stand, and bots' events."""
    context = event.get("context") or {}
    told = {"user_agent": None, "page_url": (context.get("page_url") or "").partition("?")[0] or None}
    return event | {"context": context | told}


# who did something so often, who is something, and who did it and did not do another thing
COHORTS = [
    ["often", "page_view", "", "2", "", "200", ""],
    ["paying", "", "", "", "", "", '{"plan": ["pro", "free"], "seats": {"gte": 3}}'],
    ["not_lately", "page_view", '{"amount_cents": {"is_set": false}}', "", "", "", '{"plan": {"ne": "pro"}}'],
    ["not_lately", "page_view", "", "0", "1", "5", ""],
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home built with the seeds above, and the project that built it."""
    home = tmp_path_factory.mktemp("built") / "home"
    home.mkdir()
    events = [json.dumps(plain(delivery.event)) for number in range(110) for delivery in history(number, 5, 1)]
    random.Random(5).shuffle(events)
    (home / "events.ndjson").write_text("\n".join(events) + "\n")
    ingest.load([home / "events.ndjson"], home)
    project = copy_project(tmp_path_factory.mktemp("project"))
    write_seeds(project / "seeds")
    build_models(home, project=project, settings=SETTINGS)
    return home, project


@pytest.fixture
def warehouse(built: tuple[Path, Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    with environment(SETTINGS), duckdb.connect(str(built[0] / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def answer(warehouse: duckdb.DuckDBPyConnection, question: dict[str, Any]) -> list[list[Any]]:
    return ask(warehouse, question, allow_unknown=True).rows


def mart(warehouse: duckdb.DuckDBPyConnection, query: str, **values: object) -> list[list[Any]]:
    return [list(row) for row in warehouse.execute(query, values).fetchall()]


@pytest.mark.parametrize("name", FUNNELS)
def test_a_funnel_says_what_is_answered(name: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    question = {"kind": "funnel"} | FUNNELS[name]
    trend = question.pop("trend", None)
    total = mart(
        warehouse,
        "select step, step_name, users, conversion_rate, conversion_rate_from_previous, drop_off, "
        "avg_seconds_from_previous, median_seconds_from_previous "
        "from fct_funnel_steps where funnel = $name and period = 'total' order by step",
        name=name,
    )
    assert total == answer(warehouse, question)
    assert total[0][2] > 0
    if trend:
        last = len(FUNNELS[name]["steps"])
        shown = mart(
            warehouse,
            "select period_start::varchar, max(users) filter (where step = 1), max(users) filter (where step = $last), "
            "max(conversion_rate) filter (where step = $last), bool_and(is_complete) from fct_funnel_steps "
            "where funnel = $name and period = $trend group by period_start order by period_start",
            name=name,
            last=last,
            trend=trend,
        )
        asked = answer(warehouse, question | {"trend": trend})
        # a mart begins with the first period that somebody enters
        assert shown == asked[len(asked) - len(shown) :]
        assert sum(row[1] for row in asked) == sum(row[1] for row in shown)


def test_a_cohort_holds_who_fulfils_all_its_rows(warehouse: duckdb.DuckDBPyConnection) -> None:
    zone = ZoneInfo(SETTINGS.get("FOOTFALL_REPORTING_TIMEZONE", "UTC"))
    found = warehouse.execute("select person_id, event_name, occurred_at, properties from events").fetchall()
    day_of = {moment: moment.replace(tzinfo=UTC).astimezone(zone).date() for _, _, moment, _ in found}
    last = max(day_of.values())
    is_now = "select unit_id, property, value from fct_profile_properties where unit = 'person' and valid_to_at is null"
    profile = {(person, name): value for person, name, value in warehouse.execute(is_now).fetchall()}

    def views(person: str, days: int, *, without_amount: bool = False) -> int:
        return sum(
            who == person and name == "page_view" and (last - day_of[moment]).days < days
            and not (without_amount and "amount_cents" in json.loads(properties or "{}"))
            for who, name, moment, properties in found
        )  # fmt: skip

    persons = {person for person, *_ in found if person is not None}
    expected = {("often", one) for one in persons if views(one, 200) >= 2}
    expected |= {
        ("paying", one)
        for one in persons
        if profile.get((one, "plan")) in ("pro", "free") and float(profile.get((one, "seats"), 0)) >= 3
    }
    expected |= {
        ("not_lately", one)
        for one in persons
        if views(one, 10**6, without_amount=True) and views(one, 5) <= 1 and profile.get((one, "plan")) != "pro"
    }
    assert {name for name, _ in expected} == {"often", "paying", "not_lately"}
    assert set(warehouse.execute("from fct_cohort_members").fetchall()) == expected


@pytest.mark.parametrize("name", RETENTIONS)
def test_a_retention_says_what_is_answered(name: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    question = RETENTIONS[name]
    value = ", value" if "value" in question else ""
    shown = mart(
        warehouse,
        f"select cohort_start::varchar, periods_later, users, retention_rate, is_complete{value} "
        "from fct_retention where retention = $name order by cohort_start, periods_later",
        name=name,
    )
    asked = answer(warehouse, {"kind": "retention"} | question)
    peopled = {row[0] for row in asked if row[1] == 0 and row[2] > 0}
    assert shown == [row for row in asked if row[0] in peopled]
    assert len(peopled) > 1


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_says_what_is_answered(name: str, period: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    shown = mart(
        warehouse,
        "select period_start::varchar, users, converted_users, conversion_rate, median_seconds_to_convert, is_complete "
        "from fct_conversions where conversion = $name and period = $period order by period_start",
        name=name,
        period=period,
    )
    assert shown == answer(warehouse, {"kind": "conversions", "interval": period} | CONVERSIONS[name])
    assert any(row[2] for row in shown)


@pytest.mark.parametrize("name", ["order", "click of an app"])
def test_an_attribution_says_what_is_answered(name: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    shown = mart(
        warehouse,
        "select model, channel, sum(credited_conversions)::double as conversions, sum(credited_cents)::bigint "
        "from fct_attribution where conversion = $name group by all having conversions > 0 order by all",
        name=name,
    )
    question = {"kind": "attribution", "value": "amount_cents", "event": CONVERSIONS[name]["event"]}
    asked = answer(warehouse, question | {key: CONVERSIONS[name][key] for key in ("app",) if key in CONVERSIONS[name]})
    assert shown == sorted(asked)
    assert {row[1] for row in shown} > {"Direct"}


@pytest.mark.parametrize("name", ["order", "click of an app"])
@pytest.mark.parametrize("column", ["path", "collapsed_path"])
def test_conversion_paths_say_what_is_answered(name: str, column: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    shown = mart(
        warehouse,
        f"select {column}, sum(touches * conversions) / sum(conversions), sum(conversions)::bigint, "
        "coalesce(sum(amount_cents), 0)::bigint from fct_conversion_paths where conversion = $name group by all "
        "order by all",
        name=name,
    )
    question = {"kind": "conversion_paths", "event": CONVERSIONS[name]["event"], "value": "amount_cents"}
    question |= {"collapse_repeats": column == "collapsed_path", "top": 10_000}
    asked = answer(warehouse, question | {key: CONVERSIONS[name][key] for key in ("app",) if key in CONVERSIONS[name]})
    assert shown == sorted(row[:4] for row in asked)
    assert any(" > " in row[0] for row in shown)


@pytest.mark.parametrize("name", PATHS)
def test_paths_of_all_days_say_what_is_answered(name: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    shown = mart(
        warehouse,
        "select step, source, target, sum(sessions)::bigint "
        "from fct_paths where path = $name group by all order by all",
        name=name,
    )
    question = {"kind": "paths", "unit": "session", "per": "unit", "dropoff": True} | PATHS[name]
    asked = sorted(answer(warehouse, question), key=lambda row: (row[0], row[1], row[2] is None, row[2] or ""))
    assert shown == [row[:4] for row in asked]
    assert max(row[0] for row in shown) > 1


def test_the_web_overview_says_what_is_answered(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = mart(
        warehouse,
        "select period_start::varchar, visitors, views, sessions, avg_session_seconds, bounce_rate "
        "from fct_web_overview where period = 'day' and segment = 'all' and sessions > 0 order by 1 limit 5",
    )
    for day, *numbers in rows:
        asked = answer(warehouse, {"kind": "web_overview", "date_from": day, "date_to": day})
        assert numbers == [row[1] for row in asked], day
    assert len(rows) == 5


# what a slip in a seed is, as a change of the loaded seed, and words that the error must hold
SLIPS = {
    "no such order": (
        "update funnels set step_order = 'orderd' where funnel = 'strict'",
        "row 2 (strict), column `step_order`: 'orderd' is not legal. Write ordered, strict, unordered",
    ),
    "no number": (
        "update funnels set conversion_window_seconds = '14d'",
        "column `conversion_window_seconds`: '14d' is no whole number",
    ),
    "two of a name": (
        "update funnels set funnel = 'ordered' where funnel = 'strict'",
        "row 2 (ordered), column `funnel`: 'ordered' names a row above too",
    ),
    "no such unit": (
        "update funnels set unit = 'company'",
        "column `unit`: 'company' is no unit. Write person, account or properties.<name>",
    ),
    "no JSON": (
        "update funnels set shared_where = '{plan: pro}'",
        "column `shared_where`: it is no JSON",
    ),
    "no object": (
        "update funnels set shared_where = '[1]'",
        "It must be a JSON object",
    ),
    "no operator": (
        'update funnel_steps set event_where = \'{"a": {"above": 1}}\'',
        "funnel_steps.csv, row 1 (ordered), column `event_where`: `a` has the unknown operator "
        "`above`. Legal ones: eq, ne",
    ),
    "no RE2": (
        'update funnel_steps set event_where = \'{"a": {"regex": "("}}\'',
        "`a.regex` is no RE2 expression",
    ),
    "no time": (
        'update funnel_steps set event_where = \'{"occurred_at": {"gt": "yesterday"}}\'',
        "`occurred_at` is a time",
    ),
    "a hole": (
        "update funnel_steps set step = '4' where funnel = 'ordered' and step = '3'",
        "column `step`: '4' does not follow",
    ),
    "an optional entry": (
        "update funnel_steps set optional = 'true' where step = '1'",
        "the first step opens the funnel",
    ),
    "another spelling": (
        "update funnel_steps set event_name = 'pageview' where step = '1'",
        "reports as 'page_view', so no event has this name. Write 'page_view'.",
    ),
    "a lost step": (
        "update funnel_steps set funnel = 'lost'",
        "column `funnel`: 'lost' is not in seeds/funnels.csv",
    ),
    "one step": (
        "delete from funnel_steps where funnel = 'strict' and step = '2'",
        "column `funnel`: it has 1 steps in seeds/funnel_steps.csv. A funnel has 2 to 50.",
    ),
    "backwards": (
        "update funnel_exclusions set to_step = '1'",
        "an exclusion reaches from one step to a later one of the 3 steps, not from 1 to 1",
    ),
    "no such period": (
        "update retentions set period = 'year'",
        "retentions.csv, row 1 (any), column `period`: 'year' is not legal. Write day, week, month",
    ),
    "no item": (
        "update paths set item = 'screen'",
        "paths.csv, row 1 (pages), column `item`: 'screen' is not legal. Write page, event",
    ),
    "no conversion": (
        "update conversions set event_name = null",
        "conversions.csv, row 1 (order), column `event_name`: it is blank",
    ),
    "a cohort of nothing": (
        "update cohorts set event_name = null where cohort = 'often'",
        "cohorts.csv, row 1 (often), column `event_name`: it is blank, and so are `event_where` and `person_where`",
    ),
    "a cohort of nobody": (
        "update cohorts set at_most = '1' where cohort = 'often'",
        "column `at_most`: nobody did something at least 2 times and at most 1 times",
    ),
    "a count in words": (
        "update cohorts set at_least = 'once' where cohort = 'often'",
        "column `at_least`: 'once' is no whole number from 0 to 999999999. Write one, or leave it blank for 1.",
    ),
    "a count of no events": (
        "update cohorts set days = '7' where person_where is not null",
        "column `days`: it counts events, and the row names none",
    ),
    "a person by name": (
        'update conversions set event_where = \'{"person_id": "ada"}\'',
        "Ask for `user_id` or `anonymous_id`",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_a_seed_is_told_before_anything_is_computed(
    slip: str, built: tuple[Path, Path], tmp_path: Path
) -> None:
    built_home, project = built
    change, words = SLIPS[slip]
    (tmp_path / "landing").symlink_to(built_home / "landing")
    (tmp_path / "warehouse.duckdb").write_bytes((built_home / "warehouse.duckdb").read_bytes())
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(change)
    with pytest.raises(AssertionError) as error:
        run_dbt(
            tmp_path,
            "compile",
            "--select",
            "int_picked_events",
            "int_session_paths",
            "fct_cohort_members",
            project=project,
            settings=SETTINGS,
        )
    assert words in " ".join(str(error.value).split())
