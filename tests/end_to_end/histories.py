"""Random histories of product events, made to hurt: late, duplicated, tied, bridged, identified later."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]

# spring forward and fall back in Europe/Berlin, a plain day, the seam of two months: days that many histories share
CROWDED = [
    datetime(2025, 3, 29, 20, tzinfo=UTC),
    datetime(2025, 10, 25, 20, tzinfo=UTC),
    datetime(2025, 6, 11, 23, 20, tzinfo=UTC),
    datetime(2025, 7, 31, 22, tzinfo=UTC),
    datetime(1969, 12, 31, 22, tzinfo=UTC),
]
# evenings of a history or two: a build that forgets a day is not saved by another history that touches it
LONELY = [datetime(year, month, 14, 23, 45, tzinfo=UTC) for year in range(2016, 2025) for month in range(1, 13)]
TIMEOUT = timedelta(minutes=30)
GAPS = [
    timedelta(0),
    timedelta(microseconds=1),
    timedelta(seconds=1),
    timedelta(seconds=9),
    timedelta(minutes=5),
    TIMEOUT - timedelta(microseconds=1),
    TIMEOUT,
    TIMEOUT + timedelta(microseconds=1),
    timedelta(minutes=55),
    timedelta(hours=2),
    timedelta(days=1),
    timedelta(days=6),
    timedelta(days=33),
]
# apps whose clocks lie months and years from those of the others, and when their histories begin
APART = {"retired": LONELY[:12], "newcomer": CROWDED[1:2]}
# how far the receipt of an event lies from when its sender says that it was sent
SKEWS = [timedelta(milliseconds=50), timedelta(minutes=20), timedelta(hours=-7), timedelta(days=2), timedelta(days=-3)]
# of a history that is busy, so that its sessions are long, are bridged, and last beyond midnight
SHORT_GAPS = [gap for gap in GAPS if gap <= TIMEOUT + timedelta(microseconds=1)]
NO_ID: list[Any] = [None, "", "Null ", "-1", "undefined", "guest", 0]
SUBSCRIPTION = ["created", "created", "upgraded", "downgraded", "cancelled", "reactivated"]
PAYMENT = ["payment_initiated", "payment_completed", "payment_failed", "refund_issued", "Order Refunded"]
CHARGING = ["charge_started", "charge_started", "charge_stopped", "charge_stopped", "wallet_credited"]
# one that is open, one that is over, and one that nobody has defined
EXPERIMENTS = [*["pricing_page_2015"] * 6, "pricing_page_2015 ", "reading_feed_2015", "unheard_of", None]
OUTCOMES = ["subscription_created", "user_registered", "payment_initiated", "payment_failed", "payment_completed"]
CONTENT = ["content_published", "content_viewed", "part_started", "part_started", "part_finished", "part_finished"]
CONTENT += ["content_liked", "content_rated", "creator_followed", "creator_followed", "creator_unfollowed", "tip_sent"]
PRICES = [None, 0, 500, 999, 12_000, -5, 10**16]
NAMES = ["page_view", "page_view", "$pageview", "click", "scroll", "refund", "order_completed", "identify"]
NAMES += ["$pageleave", "user_engagement", "$feature_flag_called", "site_search", "404", "Outbound Link: Click"]
READING = ["page_view", "page_view", "page_view", "scroll", "$pageleave"]
SURVEY = ["survey_sent", "survey_sent", "survey_answered", "survey_answered", "nps_submitted", "ces_answered"]
ENGAGED = [
    {"engagement_time_msec": 1500, "scroll_depth": 60},
    {"search_term": "Shoes "},
    {"url": "https://y.example/?a"},
]
PAGES = [
    None,
    "https://shop.example/",
    "https://shop.example/?utm_source=x",
    "https://shop.example/cart",
    "https://www.shop.example/help",
]
PROFILES: list[dict[str, Any]] = [
    {}, {}, {}, {}, {}, {"$set": {"plan": "pro", "seats": 3}},
    {"$set": {"plan": "free"}, "$set_once": {"source": "ads"}},
    {"$unset": ["plan"]}, {"$set_once": {"source": "mail", "plan": "trial"}},
]  # fmt: skip
AGENTS = [None, None, "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Googlebot/2.1"]
REFERRERS = [None, None, "https://www.google.com/search", "https://shop.example/", "https://blog.example/post"]


@dataclass(frozen=True)
class Delivery:
    """An event as sent in one of the loads; the same event may be delivered more than once."""

    load: int
    event: Event


def history(number: int, seed: int, loads: int, app: str | None = None) -> list[Delivery]:
    """One small world of a few people and devices, whose ids no other history shares, delivered in `loads` loads.

    Of one of the apps that lie apart from all others, where it is named.
    """
    rng = random.Random(f"{seed}/{number}")
    users = [f"h{number}-u{i}" for i in range(rng.randint(1, 3))]
    devices = [f"h{number}-d{i}" for i in range(rng.choice([1, 1, 2, 3]))]
    # some devices are called like a user
    devices += users[:1] if rng.random() < 0.3 else []
    apps, anonymous_ids, names, agents = ["shop", "shop", "charging"], [*devices * 3, *NO_ID], NAMES, AGENTS
    user_ids, gaps = [*users, *NO_ID, None, None], rng.choice([GAPS, SHORT_GAPS])
    at = rng.choice(rng.choice([CROWDED, LONELY]))
    # one visitor who reads on beyond midnight, and is alone in that: nobody else begins anything on the next day
    if rng.random() < 0.3:
        apps, anonymous_ids, names, agents = ["shop"], devices[:1], READING, AGENTS[:1]
        user_ids, gaps, at = [None], [gap for gap in GAPS if gap <= TIMEOUT], rng.choice(LONELY)
    at = rng.choice(APART[app]) if app else at

    def sent(event: Event) -> Event:
        # who is alone in reading on is so by the clock too: a corrected one would touch the next day
        tried = clocked(rng, event)
        return event if names is READING else tried

    # drawn apart, so that the rest of a history is what it was before profiles were
    said = random.Random(f"{seed}/{number}/profile")
    deliveries: list[Delivery] = []
    numbered: Counter[str] = Counter()
    for _ in range(rng.randint(1, 25)):
        at += rng.choice(gaps)
        event = {
            "event_name": rng.choice(names),
            "occurred_at": at.isoformat(),
            "user_id": rng.choice(user_ids),
            "anonymous_id": rng.choice(anonymous_ids),
            "session_id": rng.choice([None, f"h{number}-s{rng.randint(0, 2)}"]),
            "app": rng.choice(apps),
            "properties": rng.choice([{"amount_cents": rng.randint(0, 9)}, {}, {}, *ENGAGED]),
            "context": {
                "page_url": rng.choice(PAGES),
                "referrer": rng.choice(REFERRERS),
                "utm_source": rng.choice([None, None, None, "news"]),
                "country": rng.choice(["DE", "FR", None]),
                "device_type": rng.choice(["mobile", "desktop", None]),
                "user_agent": rng.choice(agents),
            },
        }
        event["properties"] = {**event["properties"], **said.choice(PROFILES)}
        if rng.random() < 0.25:
            event |= money(rng, number, at)
        if rng.random() < 0.1:
            event |= survey(rng)
        if rng.random() < 0.12:
            event |= charging(rng, number)
        if rng.random() < 0.15:
            event |= content(rng, number)
        if rng.random() < 0.08:
            event |= experiment(rng)
        if rng.random() < 0.08:
            event |= {"event_name": "alias", "properties": {"previous_id": rng.choice([*users, *devices, *NO_ID])}}
        event["app"] = app or event["app"]
        # every app numbers its events from 0
        event["event_id"] = f"h{number}-e{numbered[event['app']]}"
        numbered[event["app"]] += 1
        deliveries.append(Delivery(rng.randrange(loads), sent(event)))
        if rng.random() < 0.2:
            deliveries.append(Delivery(rng.randrange(loads), sent(event)))
        if rng.random() < 0.2:
            deliveries.append(Delivery(rng.randrange(loads), sent(other_content(rng, event, users, devices))))
    return deliveries


def clocked(rng: random.Random, event: Event) -> Event:
    """One try to send an event, in some by a clock that is corrected: tries of one event may come to lie days apart."""
    if rng.random() < 0.85:
        return event
    sent_at = datetime.fromisoformat(event["occurred_at"]) + rng.choice([timedelta(0), timedelta(hours=1)])
    return event | {"sent_at": sent_at.isoformat(), "received_at": (sent_at + rng.choice(SKEWS)).isoformat()}


def money(rng: random.Random, number: int, at: datetime) -> Event:
    """What makes an event one of a payment or a subscription, in every state of repair."""
    amount = {
        "amount_cents": rng.choice([*PRICES, 500, "1,000", 10.5, "1e3"]),
        "currency": rng.choice([None, None, "USD", " usd", "EUR", "PLN", "???"]),
    }
    if rng.random() < 0.4:
        return {
            "event_name": rng.choice(PAYMENT),
            "properties": amount | {"payment_id": rng.choice([rng.choice(NO_ID), f"h{number}-p{rng.randint(0, 1)}"])},
        }
    moved = {name: at + timedelta(days=rng.choice([-40, -1, 3, 31, 70])) for name in ("effective_at", "trial_ends_at")}
    return {
        "event_name": "subscription_" + rng.choice(SUBSCRIPTION),
        "properties": amount
        | {name: moment.isoformat() for name, moment in moved.items() if rng.random() < 0.25}
        | {
            "subscription_id": rng.choice([rng.choice(NO_ID), f"h{number}-s0", f"h{number}-s1"]),
            "plan_id": rng.choice([None, "basic", "Pro"]),
            "billing_interval": rng.choice([None, "monthly", "Year", "every 3 months", "week", "P10D", "fortnight"]),
            "billing_interval_count": rng.choice([None, None, None, 3, "two"]),
        },
    }


def survey(rng: random.Random) -> Event:
    """What makes an event one of a survey."""
    return {
        "event_name": rng.choice(SURVEY),
        "properties": {
            "survey": rng.choice(["nps", "nps", "csat", "NPS ", None]),
            "wave": rng.choice(["w", "w", "v", None]),
            "score": rng.choice([None, 0, 3, 4, 7, 9, 10, 11, 4.5, "NaN", "often"]),
            "comment": rng.choice([None, "call me"]),
        },
    }


def charging(rng: random.Random, number: int) -> Event:
    """A step of a charging session, with or without its id, at one of two stations."""
    return {
        "event_name": rng.choice(CHARGING),
        # hubs and stations of one id in two apps
        "app": "charging" if number % 4 else "rides",
        "properties": {
            "charging_session_id": rng.choice([None, None, rng.choice(NO_ID), f"h{number}-c0", f"h{number}-c1"]),
            "station_id": rng.choice([None, f"h{number}-station", f"h{number}-station", "shared"]),
            "location_id": rng.choice([None, "north", "south"]),
            "energy_kwh": rng.choice([None, 7.25, 0.1, 0, -1, "much"]),
            "amount_cents": rng.choice([None, 50, 50, 120, -5, 10**16]),
            "currency": rng.choice([None, "USD", "???"]),
        },
    }


def experiment(rng: random.Random) -> Event:
    """An exposure to an experiment of the app studio, or what its metrics count."""
    if rng.random() < 0.5:
        amount = {"amount_cents": rng.choice([500, 999, -5]), "currency": "USD"}
        return {"event_name": rng.choice(OUTCOMES), "app": "studio", "properties": amount}
    return {
        "event_name": rng.choice(["experiment_exposed", "experiment_exposed", "Experiment Viewed"]),
        "app": rng.choice([*["studio"] * 6, "shop"]),
        "properties": {
            "experiment": rng.choice(EXPERIMENTS),
            "variant": rng.choice([*["control", "yearly_first"] * 4, "next_part", "gone", None]),
        },
    }


def content(rng: random.Random, number: int) -> Event:
    """What readers and creators do, in every state of repair; items and creators are shared between histories."""
    return {
        "event_name": rng.choice([*CONTENT, "Content Purchased"]),
        "properties": {
            "content_id": rng.choice([None, "item-1", "item-1", "item-2", f"h{number}-item", " "]),
            "creator_id": rng.choice([None, "ada", "ada", "bob"]),
            "part": rng.choice([None, 0, 1, 1, 1, 2, 3, 9]),
            "parts": rng.choice([None, 2, 3]),
            "rating": rng.choice([None, 0, 1, 4.5, 5, 6, "fine"]),
            "read_seconds": rng.choice([None, -5, 0.1, 40, 600]),
            "amount_cents": rng.choice([None, 100, 299, -5]),
            "payment_id": rng.choice([None, f"h{number}-p0"]),
        },
    }


def other_content(rng: random.Random, event: Event, users: list[str], devices: list[str]) -> Event:
    """The same event id on the same day, sent again with something else in it."""
    at = datetime.fromisoformat(event["occurred_at"])
    moved = at + rng.choice([timedelta(0), timedelta(minutes=31), timedelta(minutes=-31), timedelta(seconds=1)])
    changes = {
        "occurred_at": (moved if moved.date() == at.date() else at).isoformat(),
        "anonymous_id": rng.choice([event["anonymous_id"], *devices]),
        "user_id": rng.choice([event["user_id"], *users, None]),
        "event_name": rng.choice([event["event_name"], *NAMES]),
    }
    chosen = rng.sample(sorted(changes), rng.randint(1, len(changes)))
    return event | {name: changes[name] for name in chosen}
