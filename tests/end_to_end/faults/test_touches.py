"""Touches are visits: what a server sends alone takes no credit, and everybody comes as their own events say."""

from typing import Any

import duckdb
import pytest

from serving.ask import ask
from tests.end_to_end.faults.files import ndjson

SHOP = "https://touches.example/"


def said(
    app: str, number: int, name: str, at: str, user: str, device: str | None = None, **more: Any
) -> dict[str, Any]:
    """An event of an app of this module."""
    return {
        "app": f"touches_{app}",
        "event_id": f"{app}{number}",
        "event_name": name,
        "occurred_at": f"2024-01-{at}Z",
        "user_id": user,
        "context": more.pop("context", {}),
        "properties": more,
        **({"anonymous_id": device} if device else {}),
    }


MONEY = {"amount_cents": 1000, "currency": "USD"}
ADVERTISED = {"page_url": SHOP, "utm_source": "google", "utm_medium": "cpc", "utm_campaign": "c"}
EVENTS = [
    # the reported one: a visit from Paid Search, and an order that the server sends five minutes later
    said("srv", 1, "page_view", "01T10:00:00", "t_srv", "t_srv_phone", context=ADVERTISED),
    said("srv", 2, "order_completed", "01T10:05:00", "t_srv", **MONEY),
    # the order comes first, as the server's clock is ahead, and before it an import of the customer
    said("early", 1, "user_registered", "01T08:00:00", "t_early"),
    said("early", 2, "page_view", "01T10:00:00", "t_early", "t_early_phone", context=ADVERTISED),
    said("early", 3, "order_completed", "02T10:00:00", "t_early", **MONEY),
    # a click id alone, an outside referrer alone, a campaign alone, a screen alone: visits
    said("click", 1, "app_opened", "01T10:00:00", "t_click", context={"page_url": f"{SHOP}?gclid=1"}),
    said("click", 2, "order_completed", "02T10:00:00", "t_click", **MONEY),
    said("referrer", 1, "app_opened", "01T10:00:00", "t_referrer", context={"referrer": "https://blog.example/post"}),
    said("referrer", 2, "order_completed", "02T10:00:00", "t_referrer", **MONEY),
    said("campaign", 1, "opened", "01T10:00:00", "t_campaign", context={"utm_campaign": "c", "utm_medium": "email"}),
    said("campaign", 2, "order_completed", "02T10:00:00", "t_campaign", **MONEY),
    said("screen", 1, "screen", "01T10:00:00", "t_screen", context={"page_url": "home"}),
    said("screen", 2, "order_completed", "02T10:00:00", "t_screen", **MONEY),
    # the shop's own page is no outside referrer, and an app without screens has no visits
    said("own", 1, "app_opened", "01T10:00:00", "t_own", context={"page_url": SHOP, "referrer": f"{SHOP}cart"}),
    said("own", 2, "order_completed", "02T10:00:00", "t_own", **MONEY),
    # nothing but orders
    said("orders", 1, "order_completed", "01T10:00:00", "t_orders", **MONEY),
    said("orders", 2, "order_completed", "05T10:00:00", "t_orders", **MONEY),
    # two users of one device within one session: the first one's is the session
    said("two", 1, "page_view", "02T10:00:00", "t_w1", "t_dd", context={**ADVERTISED, "country": "DE"}),
    said("two", 2, "page_view", "02T10:05:00", "t_w2", "t_dd", context={"page_url": f"{SHOP}2", "country": "FR"}),
    # a third one, whose own event says where it came from, and who orders through a server later
    said("two", 3, "page_view", "02T10:10:00", "t_w3", "t_dd", context={"page_url": SHOP, "referrer": "https://blog.example/"}),
    said("two", 4, "order_completed", "03T10:10:00", "t_w3", **MONEY),
    # a fourth one comes on their own later, from elsewhere: they were here before
    said("two", 5, "page_view", "02T10:15:00", "t_w4", "t_dd", context={"page_url": SHOP}),
    said("two", 6, "page_view", "09T10:00:00", "t_w4", "t_w4_phone", context=ADVERTISED),
    # A, B and A at one time
    said("ties", 1, "page_view", "01T10:00:00", "t_ties", "t_ties_phone", context={"page_url": f"{SHOP}a"}),
    said("ties", 2, "page_view", "01T10:00:00", "t_ties", "t_ties_phone", context={"page_url": f"{SHOP}b"}),
    said("ties", 3, "page_view", "01T10:00:00", "t_ties", "t_ties_phone", context={"page_url": f"{SHOP}a"}),
]  # fmt: skip
FILES = [ndjson("touches.ndjson", *EVENTS)]

# by app: the channel of the last touch before its last order
CREDITED = {
    "srv": "Paid Search",
    "early": "Paid Search",
    "click": "Paid Search",
    "referrer": "Referral",
    "campaign": "Email",
    "screen": "Direct",
    "own": "Direct",
    "orders": "Direct",
    # the session in which the third user appeared is the first user's
    "two": "Direct",
}
SEEDS = {
    "conversions": [
        f"touches_{app},touches_{app},,person,order_completed,,,,any,amount_cents,30,7" for app in CREDITED
    ],
    "paths": ["touches_ties,page,touches_ties,10"],
}
CAME_BY = {
    "t_srv": "Paid Search",
    "t_early": "Paid Search",
    "t_click": "Paid Search",
    "t_referrer": "Referral",
    "t_campaign": "Email",
    "t_screen": "Direct",
    "t_own": "Direct",
    "t_orders": "Direct",
    "t_w1": "Paid Search",
    "t_w2": "Direct",
    "t_w3": "Referral",
    "t_w4": "Direct",
}


@pytest.mark.parametrize("app", CREDITED)
def test_a_conversion_is_credited_to_visits(app: str, built: duckdb.DuckDBPyConnection) -> None:
    orders = len([e for e in EVENTS if e["app"] == f"touches_{app}" and e["event_name"] == "order_completed"])
    for model in ("last_touch", "first_touch", "linear"):
        shown = built.execute(
            "select channel, credited_conversions::double, credited_cents from fct_attribution"
            " where conversion = $1 and model = $2",
            [f"touches_{app}", model],
        ).fetchall()
        assert shown == [(CREDITED[app], orders, 1000 * orders)]
    question = {"kind": "attribution", "event": {"event_name": "order_completed"}, "app": f"touches_{app}"}
    asked = ask(built, {**question, "models": ["last_touch"], "value": "amount_cents"}).rows
    assert asked == [["last_touch", CREDITED[app], orders, 1000 * orders]]


def test_customers_are_acquired_by_visits(built: duckdb.DuckDBPyConnection) -> None:
    shown = built.execute(
        "select segment_value, channel, acquired_customers::double from fct_channel_economics"
        " where segment = 'app' and segment_value like 'touches_%'"
    ).fetchall()
    assert sorted(shown) == sorted((f"touches_{app}", channel, 1) for app, channel in CREDITED.items())


def test_everybody_comes_as_their_own_events_say(built: duckdb.DuckDBPyConnection) -> None:
    found = built.execute(
        "select person_id, first_channel, first_app, first_country from dim_persons"
        " where first_app like 'touches_%' and first_app != 'touches_ties'"
    ).fetchall()
    apps = {event["user_id"]: event["app"] for event in EVENTS}
    countries = {"t_w1": "DE", "t_w2": "FR"}
    assert sorted(found) == sorted((who, by, apps[who], countries.get(who)) for who, by in CAME_BY.items())


def test_a_b_a_at_one_time_is_no_way_back(built: duckdb.DuckDBPyConnection) -> None:
    shown = built.execute(
        "select source, target, sessions from fct_paths where path = 'touches_ties' order by step"
    ).fetchall()
    assert shown == [(f"{SHOP}a", f"{SHOP}b", 1), (f"{SHOP}b", None, 1)]
    question = {"kind": "paths", "item": "context.page_url", "app": "touches_ties", "dropoff": True}
    assert [row[1:4] for row in ask(built, question).rows] == [list(row) for row in shown]
