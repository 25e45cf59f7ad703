"""Ids belong to their app, and what is no id makes nothing one."""

from typing import Any

import duckdb
import pytest

from tests.end_to_end.faults.files import File, ndjson

ORDERS = """event_id,event_name,occurred_at,user_id
1,order_completed,2024-03-01T10:00:00Z,{user}
2,order_completed,2024-03-01T11:00:00Z,{user}
"""
# every spelling of the list, in other cases, with blanks, and as JSON has them
NOBODY: list[Any] = [
    *("", " ", "null", "NULL", "none", "None", "nil", "undefined", "nan", "NaN", "n/a", "N/A", "(none)", "(not set)"),
    *("unknown", "Unknown ", "anonymous", "guest", "GUEST", "false", "[object Object]", "-1", "-1.0", "{}", "[]"),
    *("00000000-0000-0000-0000-000000000000", None, -1),
]
ZERO: list[Any] = ["0", "0.0", " 0 ", 0]


def at(minute: int) -> str:
    return f"2024-03-{2 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z"


def sent(app: str, name: str, minute: int = 0, /, **fields: Any) -> dict[str, Any]:
    return {"app": app, "event_name": name, "occurred_at": at(minute)} | fields


FILES = [
    File("de.csv", ORDERS.format(user="ids-de"), {"app": "ids_de"}),
    File("fr.csv", ORDERS.format(user="ids-fr"), {"app": "ids_fr"}),
    # an alias with nothing merges nobody
    ndjson(
        "alias.ndjson",
        *(
            sent("ids_alias", "alias", n, user_id=f"ids-alias-{n}", event_id=f"a{n}", properties={key: nothing})
            for n, (key, nothing) in enumerate(
                (key, nothing)
                for key in ("previous_id", "previousId", "alias")
                for nothing in [*NOBODY, *ZERO, {}, [], False]
            )
        ),
    ),
    # everybody who is nobody, as user beside a device of its own, and as device beside a user of its own
    ndjson(
        "nobody.ndjson",
        *(
            sent("ids_nobody", "click", n, user_id=nothing, anonymous_id=f"ids-nobody-{n}")
            for n, nothing in enumerate([*NOBODY, *ZERO])
        ),
        *(
            sent("ids_nothing", "click", n, anonymous_id=nothing, user_id=f"ids-nothing-{n}")
            for n, nothing in enumerate([*NOBODY, *ZERO])
        ),
    ),
    # an event without an id is one of its own; 0 is one
    ndjson(
        "events.ndjson",
        *(sent("ids_events", "click", n, user_id="ids-e", event_id=nothing) for n, nothing in enumerate(NOBODY)),
        *(sent("ids_zero", "click", 0, user_id="ids-z", event_id=zero) for zero in ("0", 0, " 0 ")),
    ),
    # what has no payment, order or subscription is one of its own
    ndjson(
        "money.ndjson",
        *(
            sent(
                "ids_money", "payment_completed", n, user_id=f"ids-pays-{n}", event_id=f"p{n}",
                properties={"payment_id": nothing, "order_id": nothing, "amount_cents": 500, "currency": "USD"},
            )
            for n, nothing in enumerate([*NOBODY, *ZERO, {}, [], False])
        ),
        *(
            sent(
                "ids_money", "subscription_created", n, user_id=f"ids-subscribes-{n}", event_id=f"s{n}",
                properties={"subscription_id": nothing, "amount_cents": 1000, "billing_interval": "month"},
            )
            for n, nothing in enumerate([*NOBODY, *ZERO, {}, [], False])
        ),
    ),
    # a device of one text with a user, and one that is used in two apps
    ndjson(
        "streams.ndjson",
        sent("ids_text", "page_view", 0, user_id="ids-alice", anonymous_id="ids-42", event_id="1"),
        sent("ids_text", "click", 5, user_id="ids-42", event_id="2"),
        sent("ids_text", "page_view", 9, anonymous_id="ids-42", event_id="3"),
        sent("ids_sxa", "page_view", 0, anonymous_id="ids-phone", event_id="1"),
        sent("ids_sxb", "page_view", 5, anonymous_id="ids-phone", event_id="1"),
    ),
    # one visit: the page is left hours later, and what lies in between says nothing of a visit
    ndjson(
        "leave.ndjson",
        sent("ids_leave", "page_view", 60, anonymous_id="ids-reader", event_id="1", context={"page_url": "https://l/p"}),
        *(
            sent("ids_leave", name, 61 + n, anonymous_id="ids-reader", event_id=name, context={"page_url": "https://l/q"})
            for n, name in enumerate(("user_engagement", "page_ping", "$set", "$feature_flag_called"))
        ),
        sent("ids_leave", "$pageleave", 400, anonymous_id="ids-reader", event_id="2", context={"page_url": "https://l/p"}),
        # nobody visits by being updated
        sent("ids_leave", "identify", 60, user_id="ids-updated", event_id="3"),
    ),
]  # fmt: skip


def rows(built: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return built.execute(query).fetchall()


def test_two_apps_may_number_their_events_alike(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(built, "select app, user_id, count(*) from events where app in ('ids_de', 'ids_fr') group by all")
    assert sorted(found) == [("ids_de", "ids-de", 2), ("ids_fr", "ids-fr", 2)]


def test_an_alias_with_nothing_merges_nobody(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(built, "select count(*), count(distinct person_id) from events where app = 'ids_alias'")
    assert found == [(3 * (len(NOBODY) + len(ZERO) + 3),) * 2]


@pytest.mark.parametrize("app", ["ids_nobody", "ids_nothing"])
def test_what_is_no_id_is_nobody(built: duckdb.DuckDBPyConnection, app: str) -> None:
    people = len(NOBODY) + len(ZERO)
    column, other = ("user_id", "anonymous_id") if app == "ids_nobody" else ("anonymous_id", "user_id")
    found = rows(
        built,
        f"select count(*), count({column}), count(distinct {other}), count(distinct person_id), "
        f"count(distinct stream_id) from events where app = '{app}'",
    )
    assert found == [(people, 0, people, people, people)]


def test_an_event_without_an_id_is_one_of_its_own_and_zero_is_an_id(built: duckdb.DuckDBPyConnection) -> None:
    assert rows(built, "select count(*) from events where app = 'ids_events'") == [(len(NOBODY),)]
    assert rows(built, "select distinct event_id from events where app = 'ids_zero'") == [("0",)]


def test_no_payment_order_or_subscription_makes_two_one(built: duckdb.DuckDBPyConnection) -> None:
    number = len(NOBODY) + len(ZERO) + 3
    counts = "count(*), sum(revenue_cents)::int, count(order_id)"
    assert rows(built, f"select {counts} from fct_payments where app = 'ids_money'") == [(number, 500 * number, 0)]
    subscriptions = "select distinct subscription_id from int_subscription_stretches where app = 'ids_money'"
    found = rows(built, f"select count(*) from ({subscriptions})")
    assert found == [(number,)]


def test_a_device_and_a_user_of_one_text_share_no_session(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(built, "select person_id, events, page_views from fct_sessions where app = 'ids_text' order by all")
    assert found == [("ids-42", 1, 0), ("ids-alice", 2, 2)]


def test_a_device_in_two_apps_has_a_session_in_each(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(built, "select app, page_views, person_id from fct_sessions where app in ('ids_sxa', 'ids_sxb')")
    assert sorted(found) == [("ids_sxa", 1, "ids-phone"), ("ids_sxb", 1, "ids-phone")]


def test_leaving_a_page_hours_later_is_no_visit(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(built, "select events, page_views, duration_seconds from fct_sessions where app = 'ids_leave'")
    assert found == [(5, 1, 240.0)]
    found = rows(built, "select page, entries, exits, bounces from fct_web_pages where app = 'ids_leave'")
    assert found == [("https://l/p", 1, 1, 0)]
    # it is an event of its person all the same
    assert rows(built, "select count(*) from events where app = 'ids_leave' and person_id is not null") == [(7,)]
