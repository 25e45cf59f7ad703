"""A name that the data does not have is refused with the nearest one, or answered with a warning."""

# ruff: noqa: E501 - one row, one line

import json

import pytest
import typer
from typer.testing import CliRunner

from orchestration.cli.ask import ask as ask_command
from serving.ask import AskError, ask, joined_keys, known_names
from tests.serving.ask.data import database, event

CATALOG = "create or replace table event_catalog as select * from (values {rows}) as rows (event_name, canonical_name)"
SPELLINGS = {"$pageview": "page_view", "Page Viewed": "page_view", "page_view": "page_view", "Gone": "gone"}


def published():
    connection = database([
        event("page_view", "2024-01-01T09:00:00", "u1", app="shop", country="DE", properties={"plan": "pro", "n": 7}),
        event("page_view", "2024-01-02T09:00:00", "u2", app="shop", properties={"plan": "team"}),
        event("charge_paid", "2024-01-02T10:00:00", "u2", app="cars", properties={"energy_kwh": 3}),
    ])  # fmt: skip
    connection.execute(CATALOG.format(rows=", ".join(f"('{sent}', '{told}')" for sent, told in SPELLINGS.items())))
    return connection


VIEW = {"event_name": "page_view"}
UNKNOWN = [
    ({"kind": "active_users", "event": {"event_name": "page_vew"}}, "No event is named `page_vew`; did you mean `page_view`?"),
    ({"kind": "active_users", "event": {"event_name": "$pagevew"}}, "did you mean `$pageview`?"),
    ({"kind": "active_users", "event": {"event_name": "Gone"}}, "No event is named `Gone`"),
    ({"kind": "active_users", "app": "shp"}, "No event is of app `shp`; did you mean `shop`?"),
    ({"kind": "lifecycle", "app": "shop", "event": {"event_name": "charge_paid"}}, "No event of app `shop` is named `charge_paid`; it is of app cars."),
    ({"kind": "lifecycle", "event": {"where": {"app": "shp"}}}, "No event is of app `shp`"),
    ({"kind": "lifecycle", "where": {"app": {"in": ["shop", "cras"]}}}, "No event is of app `cras`; did you mean `cars`?"),
    ({"kind": "lifecycle", "where": {"event_name": ["page_vew"]}}, "No event is named `page_vew`"),
    ({"kind": "lifecycle", "where": {"plna": "pro"}}, "No event has `plna`; did you mean `plan`?"),
    ({"kind": "lifecycle", "where": {"properties.plna": {"ne": "pro"}}}, "did you mean `properties.plan`?"),
    ({"kind": "lifecycle", "where": {"context.contry": "DE"}}, "No event has `context.contry`; did you mean `context.country`?"),
    ({"kind": "lifecycle", "unit": "account"}, "No event has `account_id`"),
    ({"kind": "lifecycle", "unit": "properties.team"}, "No event has `properties.team`"),
    ({"kind": "active_users", "breakdown": "plann"}, "No event has `plann`; did you mean `plan`?"),
    ({"kind": "trends", "series": {"A": VIEW | {"measure": "sum", "property": "energy_kw"}}}, "did you mean `energy_kwh`?"),
    ({"kind": "trends", "series": {"A": {"event_name": "charge_payd"}, "B": VIEW}}, "did you mean `charge_paid`?"),
    ({"kind": "retention", "start_event": VIEW, "return_event": {"event_name": "page_vie"}}, "No event is named `page_vie`"),
    ({"kind": "retention", "value": "energy"}, "did you mean `energy_kwh`?"),
    ({"kind": "funnel", "steps": [VIEW, {"event_name": "charge_pad"}]}, "did you mean `charge_paid`?"),
    ({"kind": "funnel", "steps": [VIEW, VIEW], "exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, "No event is named `x`"),
    ({"kind": "conversions", "event": VIEW, "from": {"event_name": "pag_view"}}, "did you mean `page_view`?"),
    ({"kind": "paths", "start": "page_viw"}, "did you mean `page_view`?"),
    ({"kind": "paths", "item": "properties.scren"}, "No event has `properties.scren`"),
    ({"kind": "sessions", "events": [{"event_name": "page_viw"}]}, "did you mean `page_view`?"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "message"), UNKNOWN)
def test_an_unknown_name_is_refused_with_the_nearest(question, message):
    with pytest.raises(AskError) as error:
        ask(published(), question)
    assert message in str(error.value)
    assert str(error.value).splitlines()[-1].startswith("`footfall ask --names` lists what there is")
    answer = ask(published(), question, allow_unknown=True)
    assert answer.columns and any(message in warning for warning in answer.warnings)


@pytest.mark.parametrize("spelling", ["$pageview", "Page Viewed", "page_view"])
@pytest.mark.parametrize(
    "question",
    [
        {"kind": "active_users", "event": {"event_name": "X"}},
        {"kind": "trends", "series": {"A": {"event_name": "X"}}},
        {"kind": "funnel", "steps": [{"event_name": "X"}, {"event_name": "X"}]},
        {"kind": "lifecycle", "where": {"event_name": "X"}},
        {"kind": "lifecycle", "where": {"event_name": {"in": ["X"]}}},
        {"kind": "paths", "start": "X", "per": "unit"},
        {"kind": "conversions", "event": {"event_name": "X"}, "from": {"event_name": "X"}},
    ],
)
def test_the_spelling_as_sent_is_the_canonical_name(question, spelling):
    as_sent = json.loads(json.dumps(question).replace('"X"', json.dumps(spelling)))
    canonical = json.loads(json.dumps(question).replace('"X"', '"page_view"'))
    assert ask(published(), as_sent) == ask(published(), canonical)


@pytest.mark.parametrize(
    ("question", "warnings"),
    [
        ({"where": {"plan": "por"}}, ('No event has "por" as `plan`.',)),
        ({"event": VIEW | {"where": {"plan": ["pro", "gold"]}}}, ('No `page_view` has "gold" as `plan`.',)),
        ({"event": VIEW | {"where": {"energy_kwh": 3}}}, ("No `page_view` has 3 as `energy_kwh`.",)),
        ({"where": {"plan": "pro"}, "app": "cars"}, ('No event has "pro" as `plan`.',)),
        ({"where": {"n": 7.0, "plan": {"eq": "pro"}, "context.country": "DE"}}, ()),
        ({"where": {"plan": {"ne": "x", "not_in": ["y"], "contains": "z"}, "n": {"gt": 9}, "energy_kwh": None}}, ()),
    ],
)
def test_a_value_that_never_occurs_is_a_warning(question, warnings):
    answer = ask(published(), {"kind": "active_users"} | question)
    assert answer.warnings == warnings
    assert json.loads(answer.as_json())["warnings"] == list(warnings)


def test_where_nothing_has_happened_nothing_is_unknown():
    assert ask(database([]), {"kind": "active_users", "app": "shop", "event": {"event_name": "x"}}).warnings == ()


def test_the_command_lists_names_warns_and_answers_anyway(monkeypatch, tmp_path):
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    application = typer.Typer()
    application.command()(ask_command)
    monkeypatch.setattr("serving.reader.connect", lambda home: published())
    columns, rows = known_names(published())
    assert columns == ["app", "event_name", "events", "first_day", "last_day", "properties"]
    assert [row[:3] + row[5:] for row in rows] == [
        ("cars", "charge_paid", 1, ["energy_kwh"]),
        ("shop", "page_view", 2, ["n", "plan"]),
    ]
    listed = CliRunner().invoke(application, ["--names"]).stdout
    assert "charge_paid" in listed and "n, plan" in listed
    question = '{"kind": "active_users", "event": {"event_name": "page_vew"}}'
    refused = CliRunner().invoke(application, [question])
    assert refused.exit_code == 2 and "did you mean `page_view`?" in refused.stderr
    anyway = CliRunner().invoke(application, [question, "--allow-unknown"])
    assert anyway.exit_code == 0 and "No event is named `page_vew`" in anyway.stdout
    csv = CliRunner().invoke(application, [question, "--allow-unknown", "--output", "csv"])
    assert csv.stdout.startswith("period_start,") and "No event is named `page_vew`" in csv.stderr


def test_what_an_event_has_by_its_person_account_and_session_is_listed_too(monkeypatch, tmp_path):
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    application = typer.Typer()
    application.command()(ask_command)
    connection = published()
    assert joined_keys(connection) == []
    said = "('person', 'plan'), ('person', 'plan'), ('account', 'seats')"
    connection.execute(f"create table fct_profile_properties as from (values {said}) as said (unit, property)")
    connection.execute("create table int_sessions as select 's1' as session_id")
    listed = joined_keys(connection)
    assert listed[:3] == ["person.plan", "account.seats", "session.channel"]
    assert "session.is_first" not in listed and "person.cohort" not in listed
    monkeypatch.setattr("serving.reader.connect", lambda home: connection)
    assert "person.plan, account.seats, session.channel" in CliRunner().invoke(application, ["--names"]).stdout
