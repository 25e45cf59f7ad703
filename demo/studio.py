"""The demo's third app, `studio`: a synthetic product, drawn from a fixed seed. Its events stand for nobody.

People come by channels, take part in experiments, sign up, make pictures (generations), read what creators publish, try
and buy a subscription, refer friends, answer surveys, and leave. `python -m demo.studio` writes both files in demo/data
again, row for row.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingest.experiments import assign

SEED = 20151004
PEOPLE = 1_800
FIRST, LAST = datetime(2014, 10, 1), datetime(2015, 10, 4, 18)
DATA = Path(__file__).parent / "data"
SITE = "https://studio.example"
ACTIONS: list[tuple[str, dict[str, str]]] = [
    ("site_search", {"search_term": "watercolour"}),
    ("site_search", {"search_term": "Sunset"}),
    ("outbound_link", {"url": "https://blog.example/review"}),
    ("download", {"url": f"{SITE}/guide.pdf"}),
    ("page_not_found", {}),
]

# weight, referrer, UTM parameters, dollars a day
CHANNELS: dict[str, tuple[float, str | None, dict[str, str], float]] = {
    "Direct": (0.28, None, {}, 0),
    "Organic Search": (0.24, "https://www.google.com/", {}, 0),
    "Paid Search": (0.17, "https://www.google.com/", {"source": "google", "medium": "cpc", "campaign": "brand"}, 14),
    "Paid Social": (
        0.14,
        "https://www.facebook.com/",
        {"source": "facebook", "medium": "paid_social", "campaign": "makers"},
        18,
    ),
    "Email": (0.08, None, {"source": "newsletter", "medium": "email", "campaign": "weekly"}, 2),
    "Referral": (0.09, "https://blog.example/review", {}, 0),
}
COUNTRIES = {"US": 0.5, "GB": 0.2, "DE": 0.15, "FR": 0.1, "IN": 0.05}
CURRENCIES = {"GB": "GBP", "DE": "EUR", "FR": "EUR"}
DEVICES = {"desktop": ("Mac OS", "Chrome"), "mobile": ("iOS", "Safari"), "tablet": ("Android", "Chrome")}
PLANS = {"basic": ("month", 900), "pro": ("month", 2_900), "pro_yearly": ("year", 29_000)}
CREATORS = [f"creator-{n}" for n in range(1, 9)]
WORKS = {f"work-{n}": (CREATORS[n % len(CREATORS)], 3 + n % 4) for n in range(1, 41)}
PUBLISHED = {work: FIRST + timedelta(days=7 * n, hours=10) for n, work in enumerate(WORKS)}
# how much each creator is sought, and which works lose their readers in part 2 or please few
SOUGHT = {creator: 4 / (n + 1) for n, creator in enumerate(CREATORS)}
TIRING = {"work-5", "work-12", "work-24", "work-33"}
DISAPPOINTING = {"work-9", "work-16"}
# the splits of seeds/experiment_variants.csv
PRICING, PRICES_SHOWN = "pricing_page_2015", {"control": 1, "yearly_first": 1}
FEED, FEEDS_SHOWN, FEED_PERCENT = "reading_feed_2015", {"control": 2, "next_part": 1, "next_part_preview": 1}, 80
FEED_FROM, FEED_UNTIL = datetime(2015, 4, 1), datetime(2015, 9, 1)


@dataclass
class Visitor:
    """Somebody with one device, and a user id once they have signed up."""

    number: int
    rng: random.Random
    channel: str
    country: str
    device: str
    came: datetime
    favourite: str
    user_id: str | None = None
    feed: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    def does(self, name: str, at: datetime, page: str | None = None, entry: bool = False, **properties: Any) -> None:
        """Record an event, unless the data end before it."""
        if at > LAST:
            return
        _, referrer, utm, _ = CHANNELS[self.channel]
        os, browser = DEVICES[self.device]
        context = {"country": self.country, "device_type": self.device, "os": os, "browser": browser}
        if page:
            context["page_url"] = SITE + page
        if entry:
            context |= {f"utm_{key}": value for key, value in utm.items()} | (
                {"referrer": referrer} if referrer else {}
            )
        self.events.append(
            {
                "event_name": name,
                "occurred_at": at,
                "user_id": self.user_id,
                "anonymous_id": f"studio-device-{self.number}",
                "properties": properties,
                "context": context,
            }
        )


def pick(rng: random.Random, weights: dict[str, float]) -> str:
    """One of the keys, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def live(visitor: Visitor) -> None:
    """A visitor's whole time with the product."""
    rng, at = visitor.rng, visitor.came
    visitor.does("page_view", at, "/", entry=True)
    at += timedelta(seconds=rng.randint(8, 90))
    if rng.random() < 0.35:
        return
    visitor.does("page_view", at, "/pricing")
    prices = assign(PRICING, PRICES_SHOWN, f"studio-device-{visitor.number}")
    visitor.does("experiment_exposed", at, experiment=PRICING, variant=prices)
    if visitor.number % 90 == 0:
        # a page kept by a proxy shows a few the other variant as well
        other = next(variant for variant in PRICES_SHOWN if variant != prices)
        visitor.does("experiment_exposed", at + timedelta(seconds=9), experiment=PRICING, variant=other)
    at += timedelta(seconds=rng.randint(20, 240))
    if rng.random() < 0.3:
        return
    visitor.user_id = f"studio-user-{visitor.number}"
    profile = {"$set": {"plan": "free"}, "$set_once": {"signup_channel": visitor.channel}}
    visitor.does("user_registered", at, "/signup", **profile)
    liveliness, staying = rng.betavariate(1.2, 5), rng.expovariate(1 / 90)
    gone = at + timedelta(days=staying)
    day = 0
    while at + timedelta(days=day) < min(gone, LAST):
        if day == 0 or rng.random() < liveliness:
            start = (at + timedelta(days=day)).replace(hour=rng.choice([7, 12, 18, 20, 21]), minute=rng.randint(0, 59))
            session(visitor, max(start, at + timedelta(minutes=2)))
        day += 1
    if rng.random() < 0.3 + (0.1 if prices == "yearly_first" else 0):
        subscribe(visitor, at + timedelta(days=rng.randint(0, 5), minutes=rng.randint(3, 600)), gone)
    refer(visitor, at, gone)
    answer(visitor, at, gone)


def session(visitor: Visitor, at: datetime) -> None:
    """One visit: some making, some reading."""
    rng = visitor.rng
    visitor.does("page_view", at, "/app", entry=rng.random() < 0.2)
    if visitor.user_id and not visitor.feed and FEED_FROM <= at < FEED_UNTIL:
        visitor.feed = assign(FEED, FEEDS_SHOWN, visitor.user_id, FEED_PERCENT)
        if visitor.feed:
            visitor.does("experiment_exposed", at, experiment=FEED, variant=visitor.feed)
    for _ in range(rng.randint(0, 3)):
        at += timedelta(seconds=rng.randint(15, 200))
        done = rng.random() < 0.93
        reason = {} if done else {"reason": rng.choice(["timeout", "refused", "quota"])}
        visitor.does("generation_completed" if done else "generation_failed", at, "/app", **reason)
    out = [work for work, published in PUBLISHED.items() if published <= at]
    weights = [SOUGHT[WORKS[work][0]] * (4 if WORKS[work][0] == visitor.favourite else 1) for work in out]
    for work in dict.fromkeys(rng.choices(out, weights, k=rng.choice([0, 0, 1, 1, 2]))) if out else ():
        at = read(visitor, work, at + timedelta(seconds=rng.randint(5, 60)))


def read(visitor: Visitor, work: str, at: datetime) -> datetime:
    """Open a work, read on part by part, and perhaps say or pay something."""
    rng, (creator, parts) = visitor.rng, WORKS[work]
    item = {"content_id": work, "creator_id": creator}
    visitor.does("content_viewed", at, f"/read/{work}", **item)
    for part in range(1, parts + 1):
        at += timedelta(seconds=rng.randint(2, 20))
        # now and then a client loses an event or has a wrong clock, as clients do
        if rng.random() > 0.004:
            visitor.does("part_started", at, f"/read/{work}", **item, part=part)
        stops = 0.12 if visitor.feed in ("next_part", "next_part_preview") else 0.22
        if rng.random() < (0.55 if part == 2 and work in TIRING else stops):
            return at
        seconds = rng.randint(30, 240) if rng.random() > 0.001 else -3_600
        at += timedelta(seconds=max(seconds, 60))
        visitor.does("part_finished", at, f"/read/{work}", **item, part=part, read_seconds=seconds)
    said = rng.random()
    for name, until in (("content_liked", 0.3), ("content_commented", 0.36), ("content_shared", 0.42)):
        if said < until:
            visitor.does(name, at + timedelta(seconds=3), **item)
            break
    if rng.random() < 0.1:
        visitor.does("content_bookmarked", at + timedelta(seconds=5), **item)
    if rng.random() < 0.15:
        weights = [4, 6, 6, 3, 1] if work in DISAPPOINTING else [1, 2, 5, 9, 8]
        rating = rng.choices([1, 2, 3, 4, 5], weights)[0] if rng.random() > 0.01 else 0
        visitor.does("content_rated", at + timedelta(seconds=7), **item, rating=rating)
    if rng.random() < 0.06:
        visitor.does("creator_followed", at + timedelta(seconds=9), creator_id=creator)
    elif rng.random() < 0.01:
        visitor.does("creator_unfollowed", at + timedelta(seconds=9), creator_id=creator)
    money = {"currency": CURRENCIES.get(visitor.country, "USD"), **item}
    if rng.random() < 0.05:
        visitor.does("tip_sent", at + timedelta(seconds=11), amount_cents=rng.choice([100, 200, 500]), **money)
    if rng.random() < 0.08:
        bought = {
            "payment_id": f"studio-buy-{visitor.number}-{len(visitor.events)}",
            "amount_cents": rng.choice([299, 499]),
        }
        visitor.does("content_purchased", at + timedelta(seconds=13), **bought, **money)
        if rng.random() < 0.04:
            bought["currency"] = money["currency"]
            visitor.does("refund_issued", at + timedelta(days=rng.randint(1, 5)), **bought)
    return at


def subscribe(visitor: Visitor, at: datetime, gone: datetime) -> None:
    """A trial, then payments until the end, with changes of plan, failures, refunds and a way back."""
    rng, number = visitor.rng, visitor.number
    plan = pick(rng, {"basic": 0.55, "pro": 0.33, "pro_yearly": 0.12})
    named = {"subscription_id": f"studio-sub-{number}", "currency": CURRENCIES.get(visitor.country, "USD")}

    def says(name: str, when: datetime, **properties: Any) -> None:
        interval, price = PLANS[plan]
        terms = {} if name == "subscription_cancelled" else {"amount_cents": price, "billing_interval": interval}
        profile = {"$set": {"plan": "free" if name == "subscription_cancelled" else plan}}
        visitor.does(name, when, plan_id=plan, **named, **terms, **properties, **profile)

    trial_ends = at + timedelta(days=14)
    says("subscription_created", at, trial_ends_at=trial_ends.isoformat() + "Z")
    if rng.random() < 0.4:
        says(
            "subscription_cancelled", at + timedelta(days=rng.randint(1, 12)), effective_at=trial_ends.isoformat() + "Z"
        )
        return
    due, payments = trial_ends, 0
    while due < LAST:
        payments += 1
        pay(visitor, due, f"studio-pay-{number}-{payments}", PLANS[plan][1], named)
        following = due + timedelta(days=365 if PLANS[plan][0] == "year" else 30)
        turn = due + timedelta(days=rng.randint(2, 25))
        fate = rng.random()
        if fate < (0.25 if due > gone else 0.05):
            says("subscription_cancelled", turn, effective_at=following.isoformat() + "Z")
            if rng.random() > 0.25:
                return
            following += timedelta(days=rng.randint(20, 80))
            says("subscription_reactivated", following)
        elif fate > 0.88 and plan == "basic":
            plan = "pro"
            says("subscription_upgraded", turn)
        elif fate > 0.93 and plan == "pro":
            plan = "basic"
            says("subscription_downgraded", turn, effective_at=following.isoformat() + "Z")
        due = following


def pay(visitor: Visitor, at: datetime, payment_id: str, amount: int, named: dict[str, str]) -> None:
    """Initiate a payment; it may fail and be tried again two days later, and be refunded in part or whole."""
    rng, payment = visitor.rng, {"payment_id": payment_id, "amount_cents": amount, **named}
    visitor.does("payment_initiated", at, **payment)
    if rng.random() < 0.07:
        visitor.does("payment_failed", at + timedelta(seconds=4), **payment, reason="card_declined")
        if rng.random() < 0.3:
            return
        at += timedelta(days=2)
    visitor.does("payment_completed", at + timedelta(seconds=5), **payment)
    if rng.random() < 0.03:
        back = payment | {"amount_cents": rng.choice([amount, amount // 2])}
        visitor.does("refund_issued", at + timedelta(days=rng.randint(1, 9)), **back)


def refer(visitor: Visitor, at: datetime, gone: datetime) -> None:
    """Invitations, those that are taken up, and the reward for three."""
    rng, accepted = visitor.rng, 0
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 5])):
        sent = at + rng.random() * (max(gone, at + timedelta(days=1)) - at)
        visitor.does("referral_sent", sent)
        if rng.random() < 0.35:
            accepted += 1
            taken = sent + timedelta(hours=rng.randint(1, 90))
            visitor.does("referral_accepted", taken)
            if accepted == 3:
                visitor.does("referral_milestone", taken + timedelta(seconds=1), milestone=3)
                visitor.does("referral_withdrawal", taken + timedelta(days=2), amount_cents=1_500, currency="USD")


def answer(visitor: Visitor, at: datetime, gone: datetime) -> None:
    """The quarterly survey, for who is still there."""
    rng = visitor.rng
    for wave, when in (
        ("2015-Q1", datetime(2015, 2, 10, 9)),
        ("2015-Q2", datetime(2015, 5, 12, 9)),
        ("2015-Q3", datetime(2015, 8, 11, 9)),
    ):
        if not at < when < gone:
            continue
        visitor.does("survey_sent", when, survey="nps", wave=wave)
        if rng.random() < 0.45:
            replied = when + timedelta(hours=rng.randint(1, 100))
            visitor.does(
                "survey_answered",
                replied,
                survey="nps",
                wave=wave,
                score=rng.choices(range(11), [2, 1, 1, 2, 2, 4, 5, 10, 16, 18, 14])[0],
            )
            if rng.random() < 0.5:
                visitor.does(
                    "survey_answered",
                    replied + timedelta(seconds=30),
                    survey="csat",
                    wave=wave,
                    score=rng.choices(range(1, 6), [1, 2, 5, 12, 10])[0],
                )
                visitor.does(
                    "survey_answered",
                    replied + timedelta(seconds=50),
                    survey="ces",
                    wave=wave,
                    score=rng.choices(range(1, 8), [1, 2, 3, 5, 8, 9, 6])[0],
                )


def creators() -> Iterator[dict[str, Any]]:
    """What the creators publish."""
    for work, (creator, parts) in WORKS.items():
        yield {
            "event_name": "content_published",
            "occurred_at": PUBLISHED[work],
            "user_id": f"studio-{creator}",
            "anonymous_id": None,
            "properties": {"content_id": work, "creator_id": creator, "parts": parts},
            "context": {"country": "US", "device_type": "desktop"},
        }


def events() -> list[dict[str, Any]]:
    """Every event, with an id by its place in time; what pages tell beside comes last."""
    rng = random.Random(SEED)
    found = list(creators())
    for number in range(1, PEOPLE + 1):
        # more come as time goes on
        came = FIRST + timedelta(seconds=int((LAST - FIRST).total_seconds() * rng.random() ** 0.7))
        channel = pick(rng, {name: channel[0] for name, channel in CHANNELS.items()})
        device = pick(rng, {"desktop": 0.55, "mobile": 0.37, "tablet": 0.08})
        own = random.Random(f"{SEED}/{number}")
        favourite = own.choice(CREATORS)
        visitor = Visitor(number, own, channel, pick(rng, COUNTRIES), device, came.replace(microsecond=0), favourite)
        live(visitor)
        found += visitor.events
    found = [event for event in found if event["occurred_at"] <= LAST]
    found.sort(key=lambda event: (event["occurred_at"], event["user_id"] or "", event["anonymous_id"] or ""))
    beside = [event for event in beside_pages(found) if event["occurred_at"] <= LAST]
    return [
        {"event_id": f"{name}-{number:06d}", "app": "studio", **event}
        for name, events in (("studio", found), ("studio-page", beside))
        for number, event in enumerate(events, start=1)
    ]


def beside_pages(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What a page tells of its reader, whom it leads elsewhere, and what is not there: a part of the views say it."""
    rng = random.Random(f"{SEED}/pages")
    for event in found:
        if event["event_name"] != "page_view" or event["anonymous_id"] is None:
            continue
        beside = {name: event[name] for name in ("user_id", "anonymous_id", "context")}
        after, seconds = rng.random(), rng.randint(2, 8)
        told = {"engagement_time_msec": seconds * 1000, "scroll_depth": rng.choice([25, 50, 75, 100])}
        action, properties = rng.choice(ACTIONS)
        if after < 0.4:
            at = event["occurred_at"] + timedelta(seconds=seconds)
            yield {"event_name": "engagement", "occurred_at": at, "properties": told, **beside}
        elif after < 0.43 and event["user_id"]:
            if action == "page_not_found":
                beside["context"] = {**event["context"], "page_url": f"{SITE}/app/old"}
            at = event["occurred_at"] + timedelta(seconds=1)
            yield {"event_name": action, "occurred_at": at, "properties": properties, **beside}


def spend() -> Iterator[dict[str, Any]]:
    """What was spent on each channel, day by day."""
    rng = random.Random(f"{SEED}/spend")
    for offset in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=offset)
        for channel, (_, _, utm, dollars) in CHANNELS.items():
            if dollars:
                cents = round(dollars * 100 * (0.6 + 0.8 * rng.random()) * (0.7 + 0.6 * offset / 365))
                yield {
                    "date": f"{day:%Y-%m-%d}",
                    "channel": channel,
                    "campaign": utm["campaign"],
                    "amount": f"{cents / 100:.2f}",
                    "currency": "USD",
                    "app": "studio",
                }


def write_events(events: list[dict[str, Any]], target: Path) -> None:
    """Write events as one Parquet file of the envelope."""
    lines = target.with_suffix(".ndjson")
    with lines.open("w") as file:
        for event in events:
            nested = {name: json.dumps(event[name]) for name in ("properties", "context")}
            file.write(json.dumps(event | nested, default=str) + "\n")
    types = dict.fromkeys(("event_id", "app", "event_name"), "varchar") | {"occurred_at": "timestamp"}
    types |= dict.fromkeys(("user_id", "anonymous_id", "properties", "context"), "varchar")
    duckdb.read_json(str(lines), columns=types).write_parquet(str(target), compression="zstd")
    lines.unlink()
    print(f"{len(events):,} events")


def main() -> None:
    """Write both files into demo/data."""
    write_events(events(), DATA / "studio.parquet")
    with (DATA / "studio_spend.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["date", "channel", "campaign", "amount", "currency", "app"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(spend())


if __name__ == "__main__":
    main()
