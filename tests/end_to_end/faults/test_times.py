"""Times as text, in properties as in the envelope: nothing depends on what stands beside a time."""

import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from tests.end_to_end.faults.files import File, ndjson

OPENS, CLOSES = "2024-01-15T10:00:00Z", "2024-02-20T10:00:00Z"


def subscription(app: str, number: int, **cancelled: Any) -> list[dict[str, Any]]:
    """A customer who pays 10 dollars from January, and says in February when that ends."""
    who = {"app": app, "user_id": f"{app}-{number}"}
    price = {"amount_cents": 1000, "currency": "USD", "billing_interval": "month"}
    ids = {"subscription_id": f"{app}-{number}"}
    return [
        {**who, "event_id": f"{app}-c{number}", "event_name": "subscription_created", "occurred_at": OPENS}
        | {"properties": ids | price},
        {**who, "event_id": f"{app}-x{number}", "event_name": "subscription_cancelled", "occurred_at": CLOSES}
        | {"properties": ids | cancelled},
    ]


def ended(app: str, *effective_at: Any) -> list[dict[str, Any]]:
    """Customers who each leave at a time spelled in one way, and a last event in April."""
    rows = [row for number, at in enumerate(effective_at) for row in subscription(app, number, effective_at=at)]
    return [*rows, {"app": app, "event_id": f"{app}-end", "event_name": "click", "occurred_at": "2024-04-15T10:00:00Z"}]


# 31 March 22:00 in UTC, but for what leaves in April in New York or in February in Tokyo
NAMED, BARE = "2024-03-31 22:00:00 America/New_York", "2024-03-31 22:00:00"
SPELLINGS = ["2024-03-31T22:00Z", "2024-03-31 22:00:00,5", "2024-04-01T00:00:00 +02:00", "2024-03-31 23:00:00 WET"]
MOMENT = int(datetime(2024, 3, 31, 22, tzinfo=UTC).timestamp())
EPOCHS = [MOMENT, MOMENT * 1000, str(MOMENT * 10**6), MOMENT * 10**9, MOMENT + 0.5]
UNREADABLE = [f"{BARE} BST", "2024", 45382.9, 0, "soon", "31.03.2024"]
ORDERS = {"first": [NAMED, *[BARE] * 5], "last": [*[BARE] * 5, NAMED], "middle": [BARE, BARE, NAMED, *[BARE] * 3]}


def as_csv(rows: list[dict[str, Any]]) -> str:
    names = ("app", "event_id", "event_name", "occurred_at", "user_id", "properties")
    quoted = (
        ",".join('"' + str(json.dumps(v) if isinstance(v, dict) else v or "").replace('"', '""') + '"' for v in values)
        for values in ([row.get(name) for name in names] for row in rows)
    )
    return "\n".join([",".join(names), *quoted]) + "\n"


FILES = [
    *(ndjson(f"times-{order}.ndjson", *ended(f"times_{order}", *times)) for order, times in ORDERS.items()),
    *(File(f"times-{order}.csv", as_csv(ended(f"times_csv_{order}", *times))) for order, times in ORDERS.items()),
    ndjson("spellings.ndjson", *ended("times_spellings", *SPELLINGS, *EPOCHS)),
    ndjson("unreadable.ndjson", *ended("times_unreadable", *UNREADABLE)),
    # a time without a zone is of the load's zone: still February in UTC, but not the cancellation beside it
    ndjson("zone.ndjson", *ended("times_zone", "2024-03-01 05:00:00", "2024-03-01T05:00:00Z"), timezone="Asia/Tokyo"),
    ndjson(
        "trials.ndjson",
        *(
            {
                "app": "times_trials",
                "event_id": f"times-t{n}",
                "event_name": "subscription_created",
                "occurred_at": OPENS,
            }
            | {"user_id": f"times-t{n}"}
            | {"properties": {"subscription_id": f"t{n}", "amount_cents": 1000, "currency": "USD", "trial_ends_at": at}}
            for n, at in enumerate([*SPELLINGS, *EPOCHS, BARE])
        ),
        {
            "app": "times_trials",
            "event_id": "times-t-end",
            "event_name": "click",
            "occurred_at": "2024-04-15T10:00:00Z",
        },
    ),
    # a spreadsheet's serial and a year once made a calendar from 1970 on
    File(
        "serials.csv",
        "event_name,occurred_at,user_id,app\n"
        + "".join(f"page_view,{at},times-s,times_serials\n" for at in ("2015", "42065.4166", "0", f"{BARE} BST", BARE)),
    ),
]


def closing(built: duckdb.DuckDBPyConnection, app: str) -> dict[str, int]:
    return dict(
        built.execute(
            """select strftime(period_start, '%m'), closing_mrr_cents from fct_mrr_movements
            where segment = 'app' and segment_value = ? order by 1""",
            [app],
        ).fetchall()
    )


@pytest.mark.parametrize("app", [f"times_{form}{order}" for form in ("", "csv_") for order in ORDERS])
def test_a_zone_named_in_one_row_is_not_that_of_another(built, app):
    assert closing(built, app) == {"01": 6000, "02": 6000, "03": 1000, "04": 0}


def test_a_time_in_a_property_has_every_spelling_that_the_envelope_has(built):
    customers = 1000 * len([*SPELLINGS, *EPOCHS])
    assert closing(built, "times_spellings") == {"01": customers, "02": customers, "03": 0, "04": 0}


def test_trials_end_when_they_say(built):
    customers = 1000 * len([*SPELLINGS, *EPOCHS, BARE])
    assert closing(built, "times_trials") == {"01": 0, "02": 0, "03": customers, "04": customers}


def test_a_time_in_a_property_without_a_zone_is_of_the_loads_zone(built):
    assert closing(built, "times_zone") == {"01": 2000, "02": 1000, "03": 0, "04": 0}


def test_what_is_no_time_is_null_and_said(built):
    found = built.execute(
        """select event_id, effective_at, unreadable_properties['effective_at'] from stg_events
        where app = 'times_unreadable' and event_name = 'subscription_cancelled' order by 1"""
    ).fetchall()
    assert found == [(f"times_unreadable-x{number}", None, str(at)) for number, at in enumerate(UNREADABLE)]


def test_what_is_no_time_is_no_event(built):
    found = built.execute("select occurred_at from stg_events where app = 'times_serials'").fetchall()
    assert found == [(datetime(2024, 3, 31, 22),)]
    assert built.execute("select min(date_day) >= date '1990-01-01' from dim_dates").fetchall() == [(True,)]
