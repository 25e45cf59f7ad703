"""Numbers and money that cannot be right: a value, or a stated fault, and never a silent one."""

import duckdb
import pytest

from tests.end_to_end.faults.files import ndjson

NO_NUMBERS = ["7,4", "1,000", "12.5 kWh", "NaN", "inf", "0x10", "1_000", "$5", True, [1]]
AMOUNTS = {"1e3": 1000, " 1000 ": 1000, "1000.0": 1000, "+1000": 1000, "1000": 1000, 1000.0: 1000}


def sent(app: str, event_id: str, name: str, at: str, user: str, **properties: object) -> dict[str, object]:
    return {
        "app": app,
        "event_id": event_id,
        "event_name": name,
        "occurred_at": at,
        "user_id": user,
        "properties": properties,
    }


NUMBERS = [
    *(
        sent("money_numbers", f"pay{i}", "payment_completed", f"2015-03-02T10:{i:02}:00Z", f"u{i}", amount_cents=value)
        for i, value in enumerate([*NO_NUMBERS, *AMOUNTS, "10.5", 10.5])
    ),
    *(
        sent("money_charging", f"stop{i}", "charge_stopped", f"2015-03-02T10:{i:02}:00Z", f"u{i}", energy_kwh=value)
        for i, value in enumerate([*NO_NUMBERS, "7.4", 7.4, "74e-1", -1, "", None])
    ),
    *(
        sent("money_charging", f"credit{i}", "wallet_credited", f"2015-03-02T11:{i:02}Z", f"c{i}", amount_cents=value)
        for i, value in enumerate(["1,000", 10.5, 100])
    ),
    *(
        sent("money_survey", f"nps{i}", "nps_answered", f"2015-03-02T10:{i:02}:00Z", f"u{i}", score=value)
        for i, value in enumerate(["9,5", " 9 ", "ten", None])
    ),
    sent(
        "money_content",
        "pub",
        "content_published",
        "2015-03-01T10:00:00Z",
        "w",
        content_id="i",
        creator_id="w",
        parts="3 parts",
    ),
    sent(
        "money_content",
        "read",
        "part_started",
        "2015-03-02T10:00:00Z",
        "r",
        content_id="i",
        part=1,
        read_seconds="40 s",
    ),
    sent("money_content", "rate", "content_rated", "2015-03-02T11:00:00Z", "r", content_id="i", rating="4,5"),
    sent("money_content", "part", "part_started", "2015-03-02T12:00:00Z", "r", content_id="i", part="1,5"),
    sent("money_quantity", "q", "shipment", "2015-03-02T12:00:00Z", "r", quantity="2 pieces"),
]
FILES = [ndjson("numbers.ndjson", *NUMBERS)]


def rows(built: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return built.execute(query).fetchall()


def test_an_amount_that_is_no_whole_number_is_a_stated_fault(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select amount_cents, revenue_cents, fault from fct_payments where app = 'money_numbers' order by occurred_at",
    )
    fractions = [(None, 0, "fractional_amount")] * 2
    unread = [(None, 0, "unreadable_amount")] * len(NO_NUMBERS)
    assert found == [*unread, *((cents, cents, None) for cents in AMOUNTS.values()), *fractions]


def test_energy_that_is_no_number_is_a_stated_fault_of_the_session(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select energy_kwh::double, energy_fault from fct_charging_sessions"
        " where app = 'money_charging' and stops > 0 order by stopped_at",
    )
    read = [(7.4, None)] * 3
    assert found == [(None, "unreadable_energy")] * len(NO_NUMBERS) + read + [
        (None, "negative_energy"),
        (None, None),
        (None, None),
    ]
    counted = rows(
        built,
        "select distinct energy_kwh, faulty_energy_sessions from fct_charging_funnel"
        " where segment_value = 'money_charging' and period = 'month'",
    )
    assert counted == [(pytest.approx(22.2), len(NO_NUMBERS) + 1)]


def test_a_reward_that_is_no_whole_number_is_counted_as_faulty(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select sum(credits)::int, sum(faulty_credits)::int, sum(reward_cents)::int from fct_charging_rewards"
        " where app = 'money_charging'",
    )
    assert found == [(3, 2, 100)]


def test_a_score_that_is_no_number_says_so(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(built, "select score, outcome from fct_survey_answers where app = 'money_survey' order by answered_at")
    assert found == [(None, "score_unreadable"), (9, "counted"), (None, "score_unreadable"), (None, "score_missing")]


def test_numbers_of_content_that_are_none_are_stated_faults(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built, "select event_name, fault, events from fct_content_faults where app = 'money_content' order by all"
    )
    assert found == [
        ("content_published", "unreadable_parts", 1),
        ("content_rated", "rating_out_of_range", 1),
        ("part_started", "no_part", 1),
        ("part_started", "unreadable_read_time", 1),
    ]


def test_what_no_mart_needs_is_stated_beside_the_event(built: duckdb.DuckDBPyConnection) -> None:
    assert rows(built, "select quantity, unreadable_properties from events where app = 'money_quantity'") == [
        (None, {"quantity": "2 pieces"})
    ]
