"""What profiles say of persons, and who is in a cohort, in questions: against plain Python, over random changes."""

import json
from collections import Counter
from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving import ask as asking
from serving.ask import AskError
from tests.models import sql_of
from tests.serving.ask.data import ask, database, event
from tests.serving.ask.test_published import published_sessions

CONNECTION = duckdb.connect()
NOON = datetime(2024, 3, 30, 12)
KEYS = {"d1": 1, "d2": 2, "u2": 3}
# u1 has two devices
OWNERS = {1: "u1", 2: "u1", 3: "u2"}
OPERATIONS = ["set", "set_once", "unset"]
CHANGES = """
    create or replace table int_profile_changes (
        app varchar, event_id varchar, event_date date, occurred_at timestamp, unit varchar, identity_key ubigint,
        account_id varchar, property varchar, operation varchar, value varchar
    )
"""


@st.composite
def changes(draw):
    """What events say of two persons and an account; several at a moment, and several of one event, are likely."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(-6, 6), st.sampled_from(["d1", "d2", "u2", "acme"]), st.sampled_from(["plan", "seats"]),
                st.sampled_from(OPERATIONS), st.sampled_from(["free", "pro", "3", None]),
            ),
            max_size=14,
            unique_by=lambda change: (change[0] // 2, change[1], change[2], change[3]),
        )
    )  # fmt: skip
    found = []
    for place, who, name, operation, value in drawn:
        if operation == "unset":
            value = None
        if operation == "set_once" and value is None:
            continue
        at = NOON + timedelta(hours=7 * (place // 2))
        # both halves of a place are one event
        found.append((at, f"e{place // 2}-{KEYS.get(who, 0)}", who, name, operation, value))
    return found


def profiles(found):
    """Tables of these changes, and the published stretches."""
    CONNECTION.execute(CHANGES)
    for at, event_id, who, name, operation, value in found:
        is_person = who in KEYS
        row = [event_id, at, "person" if is_person else "account", KEYS.get(who), None if is_person else who, name]
        CONNECTION.execute(
            "insert into int_profile_changes values ('shop', $1, $2::date, $2, $3, $4, $5, $6, $7, $8)",
            [*row, operation, value],
        )
    identities = ", ".join(f"({key}::ubigint, '{person}')" for key, person in OWNERS.items())
    CONNECTION.execute(
        f"create or replace table int_identities as from (values {identities}) as t(identity_key, person_id)"
    )
    CONNECTION.execute(f"create or replace table fct_profile_properties as {sql_of('fct_profile_properties')}")


def standing(found, unit, name, moment=None):
    """What a unit's property is by what was said up to a moment, one thing after the other."""
    value = None
    owned = [change for change in found if OWNERS.get(KEYS.get(change[2], 0), change[2]) == unit and change[3] == name]
    for at, _, _, _, operation, said in sorted(owned, key=lambda change: (*change[:2], OPERATIONS.index(change[4]))):
        if moment is not None and at > moment:
            break
        if operation != "set_once" or value is None:
            value = said
    return value


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_profiles_say_what_was_said_last_now_then_and_at_the_end_of_a_day(data):
    found = data.draw(changes())
    profiles(found)
    moments = [NOON + timedelta(hours=3 * place) for place in range(-12, 13)]
    for unit in ("u1", "u2", "acme"):
        for name in ("plan", "seats"):
            said = CONNECTION.execute(
                "select valid_from_at, valid_to_at, value from fct_profile_properties "
                "where unit_id = $1 and property = $2",
                [unit, name],
            ).fetchall()
            for moment in moments:
                then = [value for begin, end, value in said if begin <= moment and (end is None or moment < end)]
                assert then == [value for value in [standing(found, unit, name, moment)] if value is not None]
    rows = [
        event(
            "open",
            moment,
            data.draw(st.sampled_from(["u1", "u2", None])),
            account_id=data.draw(st.sampled_from(["acme", None])),
        )
        for moment in moments
    ]
    connection = database(rows, CONNECTION)
    zone = data.draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]))
    question = {"kind": "trends", "series": {"A": {}}, "interval": "total", "timezone": zone}
    # 30 March ends an hour before the clocks of Berlin turn
    ends = {
        "UTC": datetime(2024, 3, 31),
        "Europe/Berlin": datetime(2024, 3, 30, 23),
        "America/New_York": datetime(2024, 3, 31, 4),
    }
    asked = {
        "person.plan": lambda row: standing(found, row["user_id"], "plan"),
        "person_then.plan": lambda row: standing(found, row["user_id"], "plan", row["occurred_at"]),
        "person@2024-03-30.plan": lambda row: standing(
            found, row["user_id"], "plan", ends[zone] - timedelta(microseconds=1)
        ),
        "account_then.seats": lambda row: standing(found, row["account_id"], "seats", row["occurred_at"]),
    }
    for key, value_of in asked.items():
        counts = Counter(value_of(row) for row in rows)
        answer = ask(connection, question | {"breakdown": key})
        assert {row[3]: row[2] for row in answer.rows} == counts, key
        kept = ask(connection, question | {"where": {key: "pro"}})
        assert kept.rows[0][2] == counts["pro"], key


def cohorts(connection, **members):
    rows = [(cohort, person) for cohort, persons in members.items() for person in persons]
    connection.execute("create or replace table fct_cohort_members (cohort varchar, person_id varchar)")
    connection.executemany("insert into fct_cohort_members values (?, ?)", rows)
    connection.execute(
        "create or replace table cohorts as select distinct cohort from fct_cohort_members union select 'empty'"
    )
    return connection


def opened(*users):
    return [event("open", f"2024-01-01T0{hour}:00", user, page_url="/a") for hour, user in enumerate(users)]


@pytest.mark.parametrize(
    ("asked", "events"),
    [
        ("busy", 3), (["busy", "new"], 4), ({"ne": "busy"}, 3), ({"not_in": ["busy", "new"]}, 2), ("empty", 0),
        ({"in": ["busy"], "ne": "new"}, 2),
    ],
)  # fmt: skip
def test_a_cohort_is_asked_for_by_its_name_and_nobody_is_in_none(asked, events):
    connection = cohorts(database(opened("u1", "u1", "u2", "u3", "u4", None)), busy=["u1", "u2"], new=["u2", "u3"])
    question = {"kind": "trends", "series": {"A": {}}, "interval": "total", "where": {"person.cohort": asked}}
    assert ask(connection, question).rows[0][2] == events


def test_every_kind_of_question_can_be_of_a_cohort():
    found = opened("u1", "u1", "u2")
    connection = cohorts(published_sessions(found), busy=["u1"])
    of_cohort = {"event_name": "open", "where": {"person.cohort": "busy"}}
    where = {"where": {"person.cohort": "busy", "session.entry_page": "/a"}}
    asked = {
        "active_users": where, "lifecycle": where, "stickiness": where, "retention": where, "sessions": where,
        "paths": where | {"whole": True}, "web_overview": where, "conversions": {"event": of_cohort},
        "funnel": {"steps": [of_cohort, of_cohort]}, "trends": {"series": {"A": of_cohort}},
    }  # fmt: skip
    for kind, more in asked.items():
        of_busy = ask(connection, {"kind": kind, **more}).rows
        alone = json.loads(json.dumps(more).replace('"person.cohort": "busy"', '"user_id": "u1"'))
        assert of_busy == ask(connection, {"kind": kind, **alone}).rows, kind


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"where": {"person.cohort": "bussy"}}, "No cohort of seeds/cohorts.csv is named `bussy`; did you mean `busy`"),
        ({"where": {"person.cohort": {"gt": "busy"}}}, "with eq, ne, in or not_in"),
        ({"where": {"person.cohort": None}}, "by the name of a cohort"),
        ({"breakdown": "person.cohort"}, "A person may be in several cohorts"),
        ({"breakdown": "person.plam"}, "No person has `plam`; did you mean `person.plan`"),
        ({"breakdown": "person@2024-02-30.plan"}, "names the day 2024-02-30, which no calendar has"),
        ({"breakdown": "person@9999-12-31.plan"}, "none of the years 1900 to 2200"),
    ],
)
def test_what_no_profile_has_and_no_cohort_is_is_told(wrong, message):
    profiles([(NOON, "e1", "d1", "plan", "set", "pro")])
    connection = cohorts(database(opened("u1"), CONNECTION), busy=["u1"])
    with pytest.raises(AskError, match=message.replace("(", r"\(")):
        asking.ask(connection, {"kind": "active_users"} | wrong)


def test_without_a_publication_of_profiles_they_are_an_error():
    connection = database(opened("u1"))
    for wrong in ({"breakdown": "person.plan"}, {"where": {"person.cohort": "busy"}}):
        with pytest.raises(AskError, match="is not published here"):
            asking.ask(connection, {"kind": "active_users"} | wrong)


def test_properties_of_that_name_keep_the_long_one():
    rows = [event("open", "2024-01-01", "u1", properties={"person.plan": "of the event"})]
    found = ask(database(rows), {"kind": "active_users", "breakdown": "properties.person.plan"}).rows
    assert found[0][0] == "of the event"
