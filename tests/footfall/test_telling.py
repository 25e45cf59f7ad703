"""What an application tells arrives as it was told, whatever it was, and whoever tells it."""

import asyncio
import contextvars
import json
import math
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import footfall
from footfall import Analytics, AnalyticsTracker, EventType, get_user_analytics_service, track_analytics_event
from tests.footfall.conftest import received


@pytest.fixture
def client(home: Path) -> Iterator[Analytics]:
    with Analytics(home=home, app="shop", flush_interval=0.01) as made:
        yield made


def told(client: Analytics, home: Path) -> list[dict[str, Any]]:
    assert client.flush(30)
    return received(home)


def test_importing_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, footfall; print([m for m in sys.modules if m.partition('.')[0] not in sys.stdlib_module_names])"
    root = Path(footfall.__file__).parents[1]
    run = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {code}"],
                         capture_output=True, text=True, check=True)  # fmt: skip
    assert {name.partition(".")[0] for name in json.loads(run.stdout.replace("'", '"'))} <= {"footfall", "__main__"}


def test_a_kind_that_the_catalog_knows_is_the_event_and_others_are_called_by_their_name(
    client: Analytics, home: Path
) -> None:
    client.track_event("u", EventType.PAGE_VIEW, "home", page_url="https://a.example/?q=1")
    client.track_event("u", "page_view")
    client.track_event("u", EventType.BUTTON_CLICK, "cta_clicked", {"place": "top"})
    client.track_event("u", EventType.CONVERSION, "plan_chosen")
    client.track_event("u", event_name="own_name")
    client.track_event("u", EventType.PURCHASE, "order", {"amount": Decimal("12.50"), "currency": "EUR"})
    events = told(client, home)
    assert [(event["event_name"], event["properties"]) for event in events] == [
        ("page_view", {"label": "home"}),
        ("page_view", {}),
        ("cta_clicked", {"place": "top", "event_type": "button_click"}),
        ("plan_chosen", {"event_type": "conversion"}),
        ("own_name", {}),
        ("payment_completed", {"currency": "EUR", "label": "order", "revenue": 12.5}),
    ]
    assert events[0]["context"]["page_url"] == "https://a.example/?q=1"
    assert (events[5]["revenue"], events[5]["currency"]) == (12.5, "EUR")
    assert len({event["event_id"] for event in events}) == 6


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_nothing_that_is_told_raises_and_what_is_no_event_is_counted(client: Analytics, home: Path) -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    fine = {
        "decimal": Decimal("1.5"), "nan": math.nan, "infinite": math.inf, "set": {1}, "bytes": b"\xff",
        "at": date(2026, 1, 2), "uuid": uuid.UUID(int=1), "kind": EventType.CUSTOM, "half": "\ud800", "loop": loop,
        5: "key", None: "none", "nul": "\0",
    }  # fmt: skip
    assert client.track_event("u", event_name="odd", properties=fine)
    assert not client.track_event("u")
    assert not client.track_event("u", event_name="   ")
    assert not client.track_event("u", event_name="unspeakable", properties={"it": Unspeakable()})
    assert not client.track_event("u", event_name="huge", properties={"text": "x" * 10**6})
    assert not client.track_event("u", event_name="no mapping", properties=5)  # type: ignore[arg-type]
    assert client.stats.invalid == 5
    (event,) = told(client, home)
    properties = event["properties"]
    assert (properties["decimal"], properties["nan"], properties["set"], properties["at"]) == (
        1.5,
        None,
        [1],
        "2026-01-02",
    )
    assert properties["uuid"] == str(uuid.UUID(int=1)) and properties["kind"] == "custom" and properties["5"] == "key"


def test_what_is_told_is_as_it_was_at_that_time(client: Analytics, home: Path) -> None:
    properties = {"items": [1]}
    client.track("kept", properties, user_id="u")
    properties["items"].append(2)
    assert told(client, home)[0]["properties"] == {"items": [1]}


def test_a_moment_is_written_in_utc_and_a_naive_one_is_of_this_machine(client: Analytics, home: Path) -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    client.track("a", occurred_at=at)
    client.track("b", occurred_at=at.astimezone().replace(tzinfo=None))
    assert {event["occurred_at"] for event in told(client, home)} == {"2026-05-01T10:00:00.000000+00:00"}
    assert datetime.fromisoformat(told(client, home)[0]["occurred_at"]).tzinfo == UTC


def test_a_session_says_whose_its_events_are_and_how_long_it_was(client: Analytics, home: Path) -> None:
    session = client.start_session("u-1", {"plan": "pro"})
    client.track_event(event_name="opened", session_id=session)
    client.end_session(session)
    client.end_session("of another process")
    events = told(client, home)
    assert [(event["event_name"], event.get("user_id"), event["session_id"]) for event in events] == [
        ("session_start", "u-1", session),
        ("opened", "u-1", session),
        ("session_end", "u-1", session),
        ("session_end", None, "of another process"),
    ]
    assert events[2]["properties"]["duration_seconds"] >= 0 and "duration_seconds" not in events[3]["properties"]


def test_a_context_holds_for_threads_and_tasks_begun_in_it_and_for_none_beside_it(
    client: Analytics, home: Path
) -> None:
    async def task(user: str) -> None:
        with client.context(user_id=user, page_url=f"/{user}", properties={"task": user}):
            await asyncio.sleep(0)
            await asyncio.to_thread(client.track, "in a thread")
            client.track("in a task", {"own": 1})

    async def both() -> None:
        await asyncio.gather(task("a"), task("b"))

    with client.context(tenant="t"):
        asyncio.run(both())
        thread = threading.Thread(target=contextvars.copy_context().run, args=(client.track, "copied"))
        thread.start()
        thread.join()
    client.track("outside")
    events = told(client, home)
    of_a_task = [event for event in events if event["event_name"] == "in a task"]
    assert sorted((event["user_id"], event["context"]["page_url"]) for event in of_a_task) == [("a", "/a"), ("b", "/b")]
    for event in of_a_task:
        assert event["properties"] == {"tenant": "t", "task": event["user_id"], "own": 1}
    assert sorted(event["user_id"] for event in events if event["event_name"] == "in a thread") == ["a", "b"]
    (copied,) = [event for event in events if event["event_name"] == "copied"]
    (outside,) = [event for event in events if event["event_name"] == "outside"]
    assert copied["properties"] == {"tenant": "t"} and outside["properties"] == {} and "user_id" not in outside


def test_who_opts_out_is_told_of_no_more_not_even_what_waits(home: Path) -> None:
    asked: list[str] = []

    def may_track(person: str) -> bool:
        asked.append(person)
        if person == "breaks":
            raise OSError("the list is gone")
        return person != "never"

    client = Analytics(home=home, flush_interval=30, may_track=may_track)
    for user in ("stays", "goes", "never", "breaks"):
        client.track_event(user, event_name="seen", anonymous_id=f"device-{user}")
    client.opt_out("device-goes")
    assert client.flush(30)
    assert [event["user_id"] for event in received(home)] == ["stays"]
    assert (client.stats.sent, client.stats.opted_out) == (1, 3)
    client.opt_in("device-goes")
    assert client.track_event("goes", event_name="seen", anonymous_id="device-goes")
    client.close()


@pytest.mark.parametrize("name", ["FOOTFALL_DISABLED", "DO_NOT_TRACK"])
def test_a_client_may_be_silenced_from_outside(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    client = Analytics(home=home)
    assert not client.track("seen") and client.flush(1) and client.stats.tracked == 0
    assert not home.exists()


def test_a_decorated_function_is_told_of_with_its_user_its_time_and_its_failure(client: Analytics, home: Path) -> None:
    @track_analytics_event("made", lambda order, user_id, result: {"order": order, "made": result}, analytics=client)
    def make(order: int, user_id: str) -> str:
        return f"{order}!"

    @track_analytics_event(EventType.CONVERSION, analytics=client)
    async def fail(current_user: Any) -> None:
        raise KeyError("it")

    @track_analytics_event("mapped badly", lambda: {}, include_user=False, analytics=client)
    def mapped_badly(user: dict[str, str]) -> int:
        return 1

    assert make(7, user_id="u") == "7!"
    with pytest.raises(KeyError):
        asyncio.run(fail(type("User", (), {"id": 42})()))
    assert mapped_badly({"id": "x"}) == 1
    made, failed, badly = told(client, home)
    assert made["user_id"] == "u" and made["properties"]["order"] == 7 and made["properties"]["made"] == "7!"
    assert made["properties"]["success"] is True and made["properties"]["duration_ms"] >= 0
    assert failed["event_name"].endswith("fail") and failed["user_id"] == "42"
    assert (failed["properties"]["success"], failed["properties"]["error"]) == (False, "KeyError")
    assert "user_id" not in badly and badly["properties"]["success"] is True


def test_a_decorated_generator_is_told_of_when_it_ends_and_works_as_ever(client: Analytics, home: Path) -> None:
    @track_analytics_event("whole", analytics=client)
    def numbers() -> Iterator[int]:
        got = yield 1
        assert got == "sent"
        yield 2

    @track_analytics_event("async", analytics=client)
    async def letters() -> Any:
        try:
            yield "a"
        except ValueError:
            yield "thrown"
        raise OSError

    generator = numbers()
    assert next(generator) == 1 and generator.send("sent") == 2  # type: ignore[attr-defined]
    assert client.flush(30) and received(home) == []
    generator.close()  # type: ignore[attr-defined]

    async def drive() -> None:
        steps = letters()
        assert await steps.asend(None) == "a"
        assert await steps.athrow(ValueError()) == "thrown"
        with pytest.raises(OSError):
            await steps.asend(None)

    asyncio.run(drive())
    whole, asynchronous = told(client, home)
    assert (whole["event_name"], whole["properties"]["success"]) == ("whole", True)
    assert (asynchronous["event_name"], asynchronous["properties"]["error"]) == ("async", "OSError")


def test_a_tracker_says_its_user_once_and_is_a_session(client: Analytics, home: Path) -> None:
    with AnalyticsTracker(anonymous_id="d", analytics=client, properties={"screen": "tv"}) as tracker:
        tracker.page("/start")
        tracker.identify("u", {"plan": "pro"})
        tracker.track("bought")
    events = told(client, home)
    assert [event["event_name"] for event in events] == [
        "session_start",
        "page_view",
        "identify",
        "bought",
        "session_end",
    ]
    assert [event.get("user_id") for event in events] == [None, None, "u", "u", "u"]
    assert events[2]["user_properties"] == {"plan": "pro"} and events[2]["anonymous_id"] == "d"
    assert {event["session_id"] for event in events if event["event_name"] != "identify"} == {tracker.session_id}
    assert all(event["properties"]["screen"] == "tv" for event in events if event["event_name"] != "identify")


def test_tracking_from_a_signal_in_the_midst_of_tracking_does_not_hang(client: Analytics) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: client.track("in a signal") and None)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
        for _ in range(3000):
            client.track("outside")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert client.flush(60)
    stats = client.stats
    assert stats.tracked == stats.sent + stats.dropped > 3000 and stats.waiting == 0


def test_one_client_serves_the_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.client._default", None)
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    service = get_user_analytics_service()
    assert get_user_analytics_service() is service
    service.track("through the service")
    assert service.flush(30)
    assert [event["event_name"] for event in received(home)] == ["through the service"]
    service.close()
