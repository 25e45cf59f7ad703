"""Copies of events: which are one event, whatever corrects their clocks and however they are told apart."""

from typing import Any

import pytest

from tests.end_to_end.faults.files import ndjson


def tries(app: str, *tries: tuple[str, str, str], **fields: Any) -> list[dict[str, Any]]:
    """One event as sent several times: each time as its sender wrote it, when it was sent and when it was received."""
    return [
        {"app": app, "event_id": "e", "event_name": "page_view", "user_id": app, **fields}
        | {"occurred_at": written, "sent_at": sent, "received_at": received}
        for written, sent, received in tries
    ]


NIGHT = "2015-03-02T23:59:59.950Z"
RETRIES = {
    # as reported: the second try's correction puts the event behind midnight
    "copies_retry": [
        (NIGHT, "2015-03-02T23:59:59.960Z", "2015-03-02T23:59:59.970Z"),
        (NIGHT, "2015-03-03T00:00:05.000Z", "2015-03-03T00:00:05.100Z"),
    ],
    # a clock that was a day ahead, then set
    "copies_ahead": [
        (NIGHT, NIGHT, "2015-03-01T23:59:59.950Z"),
        (NIGHT, "2015-03-03T09:00:00Z", "2015-03-03T09:00:01Z"),
    ],
    # a clock that stood before there were such events, whose tries are years apart from their times
    "copies_reset": [
        ("1971-01-01T00:00:10Z", "1971-01-01T00:00:20Z", "2015-03-02T10:00:20Z"),
        ("1971-01-01T00:00:10Z", "1971-01-01T00:05:00Z", "2015-03-02T10:05:01Z"),
    ],
}
# two events: their senders wrote other days, though the corrected times share one
REUSED = [
    (NIGHT, "2015-03-02T23:59:59.960Z", "2015-03-03T00:00:09.960Z"),
    ("2015-03-03T10:00:00Z", "2015-03-03T10:00:00Z", "2015-03-03T10:00:00Z"),
]
FILES = [
    *(ndjson(f"{app}.ndjson", *tries(app, *sent)) for app, sent in RETRIES.items()),
    # one try a file, the later one first
    *(
        ndjson(f"{app}-{number}.ndjson", *tries(f"{app}_late", one))
        for app, sent in RETRIES.items()
        for number, one in enumerate(sent[::-1])
    ),
    ndjson("reused.ndjson", *tries("copies_reused", *REUSED)),
]


@pytest.mark.parametrize("app", [f"{app}{late}" for app in RETRIES for late in ("", "_late")])
def test_a_retry_is_one_event_wherever_its_corrected_time_lies(built, app):
    sent = RETRIES[app.removesuffix("_late")]
    found = built.execute("select count(*), min(event_date)::varchar from stg_events where app = ?", [app]).fetchall()
    assert found == [(1, sent[0][0][:10])]
    lost = built.execute(
        "select count(*), count(distinct content_hash) from stg_superseded_copies where app = ?", [app]
    ).fetchall()
    assert lost == [(1, 1)]


def test_of_tries_the_earliest_time_stays(built):
    found = built.execute("select app, occurred_at::varchar from stg_events where starts_with(app, 'copies_r')")
    times = dict(found.fetchall())
    assert times["copies_retry"] == times["copies_retry_late"] == "2015-03-02 23:59:59.96"
    assert times["copies_reset"] == times["copies_reset_late"] == "2015-03-02 10:00:10"


def test_a_session_holds_the_events_that_a_corrected_clock_moved_to_it(built):
    found = built.execute("select app, events from fct_sessions where app = 'copies_reset'").fetchall()
    assert found == [("copies_reset", 1)]


def test_an_id_that_senders_give_on_two_days_names_two_events(built):
    found = built.execute(
        "select event_date::varchar, corrected_date::varchar from stg_events where app = 'copies_reused' order by 1"
    ).fetchall()
    assert found == [("2015-03-02", "2015-03-03"), ("2015-03-03", None)]
