"""What the window counts: each event once, wherever it lies by now, and as the marts count it."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from footfall import Analytics, EventType
from ingest.collector.landing import land_received
from ingest.collector.spool import sealed_files
from ingest.landing.taking_back import DEVICE, USER, Id
from ingest.privacy.suppression import choose
from serving.live.window import MOST_SHOWN, Window, changes, messages


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


class Shop:
    """Applications of a home, and what is live of it."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.home, self.settings, self.now = home, settings, datetime.now(UTC)
        self.window = self.fresh()

    def fresh(self, **options: Any) -> Window:
        return Window(self.home, self.settings or None, **options)

    def tell(self, *events: dict[str, Any], app: str = "shop") -> None:
        with Analytics(home=self.home, app=app, flush_interval=0.001) as client:
            for event in events:
                at = self.now - timedelta(minutes=event.pop("minutes_ago", 0))
                assert client.track_event(occurred_at=at, **event)

    def figures(
        self, app: str | None = None, window: Window | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        window, now = window or self.window, now or datetime.now(UTC)
        window.take_in(now)
        return window.figures(app, now)


@pytest.fixture
def shop(home: Path) -> Iterator[Shop]:
    made = Shop(home)
    yield made
    made.window.close()


def view(user: str, page: str = "/", **more: Any) -> dict[str, Any]:
    return {"user_id": user, "event_type": EventType.PAGE_VIEW, "page_url": f"https://a.example{page}", **more}


def test_persons_are_counted_by_when_they_did_something_not_by_when_it_came(shop: Shop) -> None:
    shop.tell(view("a"), view("a"), view("b", minutes_ago=4), view("c", minutes_ago=20), view("d", minutes_ago=31))
    shop.tell(view("ahead", minutes_ago=-60))
    assert shop.figures()["active_users"] == {"last_5_minutes": 3, "last_30_minutes": 4}
    assert shop.figures()["events"] == 5
    later = shop.figures(now=shop.now + timedelta(minutes=28))
    assert later["active_users"] == {"last_5_minutes": 0, "last_30_minutes": 2}


def test_an_event_is_counted_once_in_the_spool_landed_and_after_a_restart(shop: Shop) -> None:
    shop.tell(view("a"), view("b"))
    assert shop.figures()["events"] == 2
    copies = [(path, path.read_bytes()) for _, path in sealed_files(shop.home)]
    assert sum(receipt.accepted for receipt in land_received(shop.home)) == 2
    assert shop.figures()["events"] == 2
    assert shop.figures(window=shop.fresh())["events"] == 2
    # as a sender's retry, whose first answer was lost
    for path, text in copies:
        path.with_stem(f"{path.stem}x").write_bytes(text)
    assert shop.figures()["events"] == 2
    # landed between two looks, never seen in the spool
    shop.tell(view("c"))
    land_received(shop.home)
    assert shop.figures()["events"] == 3


def test_who_refuses_or_opted_out_is_not_counted_before_it_lands_either(shop: Shop) -> None:
    shop.tell(view("a"), view("b", properties={"opt_out": True}), view("c", anonymous_id="phone"))
    assert shop.figures()["active_users"]["last_5_minutes"] == 2
    choose(shop.home, {Id(USER, "a", "shop"), Id(DEVICE, "phone", "shop")}, opts_out=True)
    shop.tell(view("a"), view("c", anonymous_id="phone"), view("d"))
    figures = shop.figures(window=shop.fresh())
    assert (figures["active_users"]["last_5_minutes"], figures["events"]) == (1, 1)
    assert shop.figures()["events"] == 3, "what was shown of the last minutes stays for as long"
    assert sum(receipt.opted_out for receipt in land_received(shop.home)) == 5


def test_a_line_that_is_being_written_is_read_when_it_is_whole(shop: Shop) -> None:
    shop.tell(view("a"))
    ((_, path),) = sealed_files(shop.home)
    text = path.read_bytes()
    path.unlink()
    written = path.with_suffix(".open")
    written.write_bytes(text[:100])
    assert shop.figures()["events"] == 0
    with written.open("ab") as file:
        file.write(text[100:])
    assert shop.figures()["events"] == 1
    # the collector seals it: the same lines by another name
    written.rename(path)
    assert shop.figures()["events"] == 1


def test_bots_passive_events_and_nobody_make_nobody_active(shop: Shop) -> None:
    shop.tell(
        view("bot", context={"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}),
        {"user_id": "left", "event_name": "page_leave"},
        {"event_name": "by nobody"},
        view("a"),
    )
    figures = shop.figures()
    assert figures["active_users"]["last_5_minutes"] == 1
    assert figures["pages"] == [{"page": "https://a.example/", "views": 1, "visitors": 1}]
    assert "page_leave" not in {event["event"] for event in figures["recent_events"]}


def test_a_device_is_its_user_as_far_as_the_window_says_so(shop: Shop) -> None:
    shop.tell(
        {"anonymous_id": "d", "event_name": "x"}, {"user_id": "u", "anonymous_id": "d", "event_name": "y"},
        {"user_id": "u", "event_name": "z"}, {"anonymous_id": "other", "event_name": "x"},
    )  # fmt: skip
    assert shop.figures()["active_users"]["last_30_minutes"] == 2


def test_apps_share_people_unless_the_home_keeps_them_apart(home: Path) -> None:
    for settings, everybody in (({}, 1), ({"person_scope": "app"}, 2)):
        shop = Shop(home / str(everybody), **settings)
        shop.tell(view("u"), app="one")
        shop.tell(view("u"), app="two")
        assert [shop.figures(app)["active_users"]["last_30_minutes"] for app in ("one", "two", "none", None)] == [
            1, 1, 0, everybody,
        ]  # fmt: skip
        shop.window.close()


def test_money_of_today_is_net_once_a_payment_and_says_what_it_cannot_count(shop: Shop) -> None:
    def pay(amount: object, **properties: object) -> dict[str, Any]:
        return {"user_id": "u", "event_type": EventType.PURCHASE, "properties": {"amount": amount, **properties}}

    usd = {"currency": "USD"}
    shop.tell(
        pay("12.50", payment_id="p", **usd), pay("12.50", payment_id="p", **usd), pay(7, **usd), pay(7, **usd),
        pay(3, currency="QQQ"), pay("free", **usd), {"user_id": "u", "event_name": "payment_failed", "properties": usd},
        {"user_id": "u", "event_type": EventType.REFUND, "properties": {"amount": 2, **usd}},
    )  # fmt: skip
    assert shop.figures()["revenue_today"] == {
        "amount": 24.5, "amount_cents": 2450, "currency": "USD", "payments": 3, "not_counted": 2,
    }  # fmt: skip
    yesterday = shop.figures(now=shop.now + timedelta(days=1))["revenue_today"]
    assert (yesterday["amount_cents"], yesterday["payments"]) == (0, 0)


def test_money_and_registrations_of_today_stay_when_the_window_has_passed(home: Path) -> None:
    # a zone in which it is at least 02:00, so that an hour ago was today
    zone = next(z for z in ("UTC", "Asia/Tokyo", "America/Los_Angeles") if 2 <= _hour(z) < 24)
    shop = Shop(home, reporting_timezone=zone)
    paid = {"user_id": "u", "event_type": EventType.PURCHASE, "properties": {"amount": 5, "currency": "USD"}}
    shop.tell(
        {"user_id": "u", "event_type": EventType.SIGNUP, "minutes_ago": 70},
        {**paid, "minutes_ago": 70}, view("u", minutes_ago=70),
    )  # fmt: skip
    for window in (shop.window, shop.fresh()):
        figures = shop.figures(window=window)
        assert figures["revenue_today"]["amount"] == 5.0
        assert figures["new_registrations"] == {"today": 1, "last_30_minutes": 0}
        assert (figures["events"], figures["active_users"]["last_30_minutes"]) == (0, 0)
        land_received(home)


def _hour(zone: str) -> int:
    from zoneinfo import ZoneInfo

    return datetime.now(UTC).astimezone(ZoneInfo(zone)).hour


def test_a_reader_is_on_the_item_of_the_last_page_or_item(shop: Shop) -> None:
    def read(user: str, item: str, **more: Any) -> dict[str, Any]:
        return {"user_id": user, "event_type": EventType.CONTENT_VIEW, "properties": {"content_id": item}, **more}

    shop.tell(
        read("a", "one", minutes_ago=3), read("a", "two", minutes_ago=1), {"user_id": "a", "event_name": "page_ping"},
        read("b", "one", minutes_ago=3), view("b", "/elsewhere", minutes_ago=2), read("c", "two", minutes_ago=9),
        {"user_id": "d", "event_name": "part_started", "properties": {"content_id": "two", "part": 1}},
    )  # fmt: skip
    figures = shop.figures()
    assert figures["concurrent_readers"] == 2
    assert figures["popular_content"] == [
        {"app": "shop", "content_id": "two", "views": 2, "readers": 3, "reading_now": 2},
        {"app": "shop", "content_id": "one", "views": 2, "readers": 2, "reading_now": 0},
    ]


def test_hostile_names_stay_text_and_addresses_lose_their_query(shop: Shop) -> None:
    names = ["<script>alert(1)</script>", "'; drop table events; --", "$spend_reported", "\u202e\0?", "x" * 5000]
    shop.tell(
        *({"user_id": name, "event_name": name, "properties": {"content_id": name}} for name in names),
        view("u", "/a?token=secret#part"),
    )
    figures = shop.figures()
    told = {event["event"] for event in figures["recent_events"]}
    assert told == {names[0], names[1], names[3], names[4][:1000], "page_view"}
    assert "secret" not in str(figures) and figures["pages"][0]["page"] == "https://a.example/a"
    assert shop.figures(app=names[1])["events"] == 0


def test_the_window_is_bounded_and_says_when_it_is_not_whole(home: Path) -> None:
    shop = Shop(home)
    window = shop.fresh(most_events=50)
    shop.tell(*(view(f"u{n}", f"/{n}", minutes_ago=n / 10) for n in range(120)))
    figures = shop.figures(window=window)
    assert (figures["events"], figures["is_whole"]) == (50, False)
    assert len(figures["pages"]) == MOST_SHOWN and len(figures["recent_events"]) == 20
    assert shop.figures()["is_whole"] and shop.figures()["events"] == 120
    assert shop.figures(window=window, now=shop.now + timedelta(minutes=40))["is_whole"]


def test_a_socket_is_told_what_changed_and_nothing_else(shop: Shop) -> None:
    shop.tell(view("a"))
    first = shop.figures()
    shop.tell(
        view("a", "/two", minutes_ago=0.01),
        {"user_id": "a", "event_type": EventType.PURCHASE, "properties": {"amount": 1, "currency": "USD"}},
    )
    second = shop.figures()
    told = [*changes(first, second)]
    assert [message["type"] for message in told] == [
        "new_event",
        "new_event",
        "revenue_today",
        "pages",
        "events_per_minute",
    ]
    assert (told[0]["event"], told[1]["event"], told[1]["amount"]) == ("page_view", "payment_completed", 1.0)
    assert "number" not in told[0] and [*changes(second, second)] == []
    assert [message["type"] for message in changes(None, first)] == [message["type"] for message in messages(first)]


def test_a_batch_that_is_taken_back_between_its_manifest_and_the_look_is_no_failure(shop: Shop) -> None:
    shop.tell(view("a"))
    land_received(shop.home)
    for folder in shop.home.glob("landing/events/load_date=2*"):
        shutil.rmtree(folder)
    assert shop.figures()["events"] == 0
