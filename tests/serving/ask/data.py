"""Small published databases for the tests of `ask`: a table `events` with every column that readers see."""

import json
from datetime import datetime

import duckdb
import pyarrow as pa

from serving import ask as asking

TEXTS = (
    "event_id", "event_name", "user_id", "anonymous_id", "session_id", "account_id", "app", "properties", "page_url",
    "page_title", "referrer", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "device_type",
    "os", "browser", "country", "region", "city", "locale", "user_agent", "ip", "library", "context_other", "person_id",
)  # fmt: skip
TIMES = ("occurred_at", "received_at")
FLAGS = ("is_activity", "is_page_view", "is_interaction", "is_passive", "is_bot")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXTS]
    + [(name, pa.timestamp("us")) for name in TIMES]
    + [(name, pa.bool_()) for name in FLAGS]
    + [(name, pa.uint64()) for name in ("stream_id",)]
)


def event(name, at, user=None, **fields):
    """One event: its name, UTC time (datetime or ISO text), user id, any column by name, `properties` as a dict."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return {"event_name": name, "occurred_at": moment, "user_id": user, **fields}


def _complete(number, row):
    complete = {
        "event_id": f"e{number:06d}", "app": "default", "received_at": row["occurred_at"], "is_activity": True,
        "is_page_view": row["event_name"] == "page", "is_interaction": row["event_name"] not in ("page", "passive"),
        "is_passive": False, "is_bot": False,
    } | row  # fmt: skip
    complete["properties"] = json.dumps(complete.get("properties") or {})
    device, user = complete.get("anonymous_id"), complete.get("user_id")
    stream = device or user
    # streams are numbered by the bytes of their id, with devices apart from users
    number_of = int.from_bytes((("d" if device else "u") + (stream or "")).encode()[:8], "big")
    return {"person_id": user or device, "stream_id": number_of} | complete


def database(rows, connection=None):
    """A connection whose relation `events` holds these events; a connection that is given is used again."""
    columns = {field.name: [] for field in SCHEMA}
    for number, row in enumerate(rows):
        complete = _complete(number, row)
        unknown = set(complete) - set(columns)
        assert not unknown, f"the test names columns that are not published: {unknown}"
        for name, values in columns.items():
            values.append(complete.get(name))
    connection = connection or duckdb.connect()
    connection.register("events", pa.table(columns, schema=SCHEMA))
    return connection


def without_completeness(answer):
    """The rows of an answer without `is_complete`, which test_is_complete.py looks at for all kinds."""
    kept = [place for place, column in enumerate(answer.columns) if column != "is_complete"]
    return [[row[place] for place in kept] for row in answer.rows]


def ask(connection, question, settings=None):
    """The answer to a question of a history so small that it may lack what the question names."""
    return asking.ask(connection, question, settings, allow_unknown=True)
